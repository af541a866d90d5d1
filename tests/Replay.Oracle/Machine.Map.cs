using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <content>Level, leaf, installation: spec 4.2 to 4.5.</content>
public sealed partial class Machine
{
    private void Map(Vm vm, Slot slot, Fault fault)
    {
        int goal = GoalLevel(vm, slot, fault);
        ulong pages = Level.Pages(goal);
        if (!Kernel.ReleaseExact)
        {
            fault.ReleasePfn = fault.ReleasePfn / pages * pages;
        }

        Spte? old = WalkTo(vm, fault, goal);

        // Leaves below the goal hang off a table, which is no leaf.
        if (old is not null && old.Level < goal)
        {
            old = null;
        }

        if (Kernel.EarlySpurious && old is not null && (fault.Prefetch || !fault.Write || old.Writable))
        {
            fault.EndWith(FaultOutcome.Spurious, old);
            return;
        }

        // Spec 4.3 asks the old value for bit 1, present or not: an MMIO entry has it, on EPT 110b too.
        bool oldHasWriteBit = old is { Writable: true } || (goal == 1 && vm.Mmio.ContainsKey((fault.AsId, fault.Gfn)));
        Spte leaf = new()
        {
            Pfn = fault.LookupPfn / pages * pages,
            Level = goal,
            Writable = fault.MapWritable,
            HostWritable = fault.MapWritable,
            MmuWritable = fault.MapWritable,
            Accessed = !fault.Prefetch,
            Dirty = fault.MapWritable && (Kernel.DirtyWheneverWritable || !oldHasWriteBit),
            Bit59 = Kernel.Series == Series.V11 && fault.RefcountedHead is not null && !fault.Shadow,
            HasNoBit59 = fault.Shadow,
        };
        if (old is not null && old.Raw(Vendor) == leaf.Raw(Vendor))
        {
            fault.EndWith(FaultOutcome.Spurious, old);
            return;
        }

        ReplaceLeaf(vm, fault, goal, leaf);
        fault.EndWith(FaultOutcome.Fixed, leaf);
    }

    /// <summary>The walk of spec 4.4 splits a huge leaf above the goal.</summary>
    private static Spte? WalkTo(Vm vm, Fault fault, int goal)
    {
        Spte? old = vm.LeafOf(fault.AsId, fault.Gfn);
        while (old is not null && old.Level > goal)
        {
            Split(vm, fault.AsId, fault.Gfn, old);
            old = vm.LeafOf(fault.AsId, fault.Gfn);
        }

        return old;
    }

    private static int GoalLevel(Vm vm, Slot slot, Fault fault)
    {
        int level = 3;
        while (level > 1 && !slot.Allows(level, fault.Gfn))
        {
            level--;
        }

        int hostLevel = vm.Memory.LeafAt(slot.Hva(fault.Gfn))?.Level ?? 1;
        if (slot.LogDirty)
        {
            return 1;
        }

        // What is known of the host's level is a lower bound (spec 8.3): a larger leaf that is there shows more.
        int there = vm.LeafOf(fault.AsId, fault.Gfn)?.Level ?? 1;
        return Math.Max(there, Math.Min(level, hostLevel));
    }

    /// <summary>A leaf takes the place of what translates the block now.</summary>
    private void ReplaceLeaf(Vm vm, Fault fault, int level, Spte? leaf)
    {
        ulong first = fault.Gfn / Level.Pages(level) * Level.Pages(level);
        foreach ((int AsId, int Level, ulong Block) key in vm.Overlapping(fault.AsId, first, first + Level.Pages(level)))
        {
            Spte old = vm.Leaves[key];
            bool stays = leaf is not null && leaf.Level == old.Level && leaf.Pfn == old.Pfn;
            BitsLost(old, accessed: old.Accessed && !(stays && leaf!.Accessed), dirty: old.Dirty && !(stays && leaf!.Dirty));
            vm.Leaves.Remove(key);
        }

        foreach ((int AsId, ulong Gfn) key in vm.Mmio.Keys.Where(key => key.AsId == fault.AsId && key.Gfn >= first && key.Gfn < first + Level.Pages(level)).ToList())
        {
            vm.Mmio.Remove(key);
        }

        if (leaf is not null)
        {
            vm.Leaves.Add(Oracle.Vm.Key(fault.AsId, level, fault.Gfn), leaf);
        }
    }

    private static void Split(Vm vm, int asId, ulong gfn, Spte huge)
    {
        vm.Leaves.Remove(Oracle.Vm.Key(asId, huge.Level, gfn));
        int level = huge.Level - 1;
        ulong pages = Level.Pages(level);
        ulong first = gfn / Level.Pages(huge.Level) * Level.Pages(huge.Level);
        for (ulong i = 0; i < 512; i++)
        {
            vm.Leaves.Add(Oracle.Vm.Key(asId, level, first + (i * pages)), huge.For(huge.Pfn + (i * pages), level));
        }
    }

    /// <summary>Spec 4.5: an SPTE lost its accessed or dirty bit; the struct page is told.</summary>
    private void BitsLost(Spte spte, bool accessed, bool dirty)
    {
        bool gated = Kernel.Series == Series.V11 && !spte.Bit59 && !spte.HasNoBit59;
        if (!Kernel.AdAtZap || gated || !Pages.IsAdTracked(spte.Pfn, Kernel.Series))
        {
            return;
        }

        Page page = Pages.At(Pages.Head(spte.Pfn));
        page.Accessed += accessed ? 1 : 0;
        page.Dirty += dirty ? 1 : 0;
    }
}
