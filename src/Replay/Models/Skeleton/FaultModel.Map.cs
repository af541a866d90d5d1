using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <content>Level, leaf and installation: spec 4.2 to 4.4.</content>
public sealed partial class FaultModel<TRules>
{
    private void MapLeaf(VmState vm, Memslot slot, ref FaultContext fault)
    {
        SpteTables sptes = vm.Sptes[fault.AsId];
        int goal = GoalLevel(vm, slot, in fault);
        ulong old = sptes.Leaf(fault.Gfn, out int oldLevel);
        bool present = SpteLayout.IsPresent(old);

        // What is known of the host's level is a lower bound (spec 8.3): only dirty logging shows that a larger leaf has to be split.
        if (present && oldLevel > goal && !slot.Is(MemslotFlags.LogDirty))
        {
            goal = oldLevel;
        }

        old = WalkTo(sptes, fault.Gfn, goal, out oldLevel);
        if (present && oldLevel == goal && Settings.EarlySpurious && (fault.IsPrefetch || !fault.Write || SpteLayout.IsWritable(old)))
        {
            EndMapped(ref fault, FaultOutcome.Spurious, old, oldLevel);
            return;
        }

        ulong pages = Levels.Pages(goal);
        if (!Settings.ReleaseExact)
        {
            fault.ReleasePfn &= ~(pages - 1);
        }

        bool writable = fault.MapWritable;

        // Up to 6.12 a leaf that was writable already is made anew without its dirty bit, so a second vCPU's fault changes it.
        bool dirty = writable && (Settings.AlwaysDirty || !(present && oldLevel == goal && SpteLayout.IsWritable(old)));
        ulong spte = _layout.Make(fault.Pfn & ~(pages - 1), goal, fault.MapWritable, writable, dirty) | TRules.LeafBits(in fault);

        // Made ahead of the access: tracked as not accessed yet.
        spte &= fault.IsPrefetch ? ~_layout.Accessed : ulong.MaxValue;
        if (present && oldLevel == goal && old == spte)
        {
            EndMapped(ref fault, FaultOutcome.Spurious, old, goal);
            return;
        }

        Install(vm, ref fault, goal, spte);
        fault.Spte = spte;
        fault.Level = (byte)goal;
        fault.Writable = writable;
        if (fault.Write && !writable)
        {
            fault.End(Settings.WriteProtectedOutcome ? FaultOutcome.WriteProtected : FaultOutcome.Emulate);
        }
        else
        {
            fault.End(FaultOutcome.Fixed);
        }
    }

    /// <summary>Spec 4.2: what the slot permits, then what the host maps; dirty logging maps 4 KiB only.</summary>
    private static int GoalLevel(VmState vm, Memslot slot, in FaultContext fault)
    {
        int level = slot.MaxLevel(fault.Gfn);
        if (level == 1 || slot.Is(MemslotFlags.LogDirty))
        {
            return 1;
        }

        return Math.Min(level, Math.Max(1, vm.Memory.Pte(slot.Hva(fault.Gfn)).Level));
    }

    /// <summary>Walks down to a level, splitting huge leaves on the way; returns what is at its end, or below.</summary>
    private static ulong WalkTo(SpteTables sptes, ulong gfn, int goal, out int level)
    {
        ulong spte = sptes.Leaf(gfn, out level);
        while (SpteLayout.IsPresent(spte) && level > goal)
        {
            Split(sptes, gfn, level, spte);
            spte = sptes.Leaf(gfn, out level);
        }

        return spte;
    }

    /// <summary>Writes a leaf where the walk has ended; leaves below are replaced.</summary>
    private void Install(VmState vm, ref FaultContext fault, int level, ulong spte)
    {
        SpteTables sptes = vm.Sptes[fault.AsId];
        ulong old = sptes.At(fault.Gfn, level);
        if (SpteLayout.IsPresent(old))
        {
            bool stays = SpteLayout.IsPresent(spte) && SpteLayout.Pfn(old) == SpteLayout.Pfn(spte);
            if (SpteLayout.IsPresent(spte) && !stays)
            {
                fault.Violate(InvariantList.TdpNoReplace);
            }

            ulong lost = old & ~(stays ? spte : 0);
            TRules.BitsLost(Pages, old, sptes.IsShadow, (lost & _layout.Accessed) != 0, (lost & _layout.Dirty) != 0);
        }
        else if (level > 1)
        {
            ulong block = fault.Gfn & ~(Levels.Pages(level) - 1);
            Zap(sptes, block, block + Levels.Pages(level), recordFollows: false);
        }

        sptes.Set(fault.Gfn, level, spte);
    }

    private static void Split(SpteTables sptes, ulong gfn, int level, ulong spte)
    {
        ulong block = gfn & ~(Levels.Pages(level) - 1);
        ulong child = level == 2 ? spte & ~SpteLayout.LargeBit : spte;
        ulong step = Levels.Pages(level - 1);
        sptes.Set(block, level, 0);
        for (ulong i = 0; i < 512; i++)
        {
            sptes.Set(block + (i * step), level - 1, child + ((i * step) << 12));
        }
    }
}
