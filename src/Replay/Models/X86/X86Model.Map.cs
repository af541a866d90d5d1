using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.X86;

/// <content>Level, leaf and installation: spec 4.2 to 4.4.</content>
internal sealed partial class X86Model<TRules, TCounting>
{
    private void MapLeaf(VmState vm, ref FaultContext fault, bool install, MapFacts facts)
    {
        SpteTables sptes = vm.Sptes[fault.AsId];
        int goal = GoalLevel(vm, ref fault, facts);
        if (fault.IsShadow && fault.Gva != 0)
        {
            // A gfn has a leaf for each of the guest's addresses that lead to it; those of several address spaces are not told apart.
            fault.MayBeNew = SpteLayout.IsPresent(vm.Shadow.At(fault.Gva)) && (facts & (MapFacts.GuestTold | MapFacts.GuestUntold)) != 0;
            if (!SpteLayout.IsPresent(vm.Shadow.At(fault.Gva)) && install)
            {
                ClearOnWay(sptes, fault.Gfn);
            }
        }

        ulong old = sptes.Leaf(fault.Gfn, out int oldLevel);
        bool present = SpteLayout.IsPresent(old);

        // What is known of the host's level is a lower bound (spec 8.3): only dirty logging shows that a larger leaf has to be split.
        if (present && oldLevel > goal && !fault.Slot.Is(MemslotFlags.LogDirty))
        {
            goal = oldLevel;
        }

        old = WalkTo(sptes, fault.Gfn, goal, old, ref oldLevel, install);
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

        bool writable = fault.MapWritable && (facts & MapFacts.GuestReadOnly) == 0;

        // Up to 6.12 the dirty bit is left out if the entry that is replaced has the write bit, present or not (spec 4.3): a leaf that was
        // writable already, or an MMIO SPTE, whose pattern has it.
        bool hadWriteBit = oldLevel == goal && (present ? SpteLayout.IsWritable(old) : SpteLayout.IsMmio(old));
        bool dirty = writable && (Settings.AlwaysDirty || !hadWriteBit);
        CountMemtype(fault.Pfn);
        ulong spte = _layout.Make(fault.Pfn & ~(pages - 1), goal, fault.MapWritable, writable, dirty) | TRules.LeafBits(in fault);
        spte = (facts & MapFacts.GuestNoExec) != 0 ? _layout.WithoutExec(spte) : spte;
        spte = (facts & MapFacts.GuestNoUser) != 0 ? _layout.WithoutUser(spte) : spte;
        if (fault.IsPrefetch)
        {
            // Nobody has touched it yet: left to access tracking.
            spte &= ~_layout.Accessed;
        }

        if (present && oldLevel == goal && old == spte)
        {
            EndMapped(ref fault, FaultOutcome.Spurious, old, goal);
            return;
        }

        if (install)
        {
            Install(vm, ref fault, goal, spte);
            if (fault.IsShadow && fault.Gva != 0)
            {
                vm.Shadow.Map(fault.Gva, fault.Gfn, spte);
            }
        }

        fault.Spte = spte;
        fault.Level = (byte)goal;
        fault.Writable = writable;
        if (writable && install)
        {
            LogDirty(vm, fault.Slot.Is(MemslotFlags.LogDirty), ref fault);
        }

        if (fault.Write && !writable)
        {
            fault.End(Settings.WriteProtectedOutcome ? FaultOutcome.WriteProtected : FaultOutcome.Emulate);
        }
        else
        {
            fault.End(FaultOutcome.Fixed);
        }
    }

    private static void ClearOnWay(SpteTables sptes, ulong gfn)
    {
        while (SpteLayout.IsPresent(sptes.Leaf(gfn, out int level)))
        {
            sptes.Set(gfn, level, 0);
        }
    }

    /// <summary>Spec 4.2: what the slot permits, then what the host maps; dirty logging maps 4 KiB only.</summary>
    private int GoalLevel(VmState vm, ref FaultContext fault, MapFacts facts)
    {
        // No larger than the guest's own tables map it.
        int level = Math.Min(fault.Slot.MaxLevel, (facts & MapFacts.GuestPage) != 0 ? 1 : (facts & MapFacts.GuestHugePage) != 0 ? 2 : Levels.Max);
        if (fault.GuestUntold && fault.OwnLevel != 0 && fault.OwnLevel < level)
        {
            fault.LevelReadOff = true;
            level = fault.OwnLevel;
        }

        bool huge = (fault.Access & FaultAccess.Exec) == 0 || !Settings.NxHugePages;
        if (level == 1 || !huge || fault.Slot.Is(MemslotFlags.LogDirty))
        {
            return 1;
        }

        Count(CostOperation.WalkLevel, CostOperations.Depth);
        return Math.Min(level, HostLevel(vm, fault.Slot.Hva, ref fault));
    }

    /// <summary>Walks down from a leaf to a level, splitting huge leaves on the way; returns what is at its end, or below.</summary>
    private ulong WalkTo(SpteTables sptes, ulong gfn, int goal, ulong spte, ref int level, bool split = true)
    {
        Count(CostOperation.WalkTdp, CostOperations.Depth);
        while (SpteLayout.IsPresent(spte) && level > goal && split)
        {
            Split(sptes, gfn, level, spte);
            spte = sptes.Leaf(gfn, out level);
        }

        return spte;
    }

    /// <summary>Spec 4.8.</summary>
    private void InstallMmio(VmState vm, ref FaultContext fault, bool install)
    {
        if (!install)
        {
            return;
        }

        SpteTables sptes = vm.Sptes[fault.AsId];
        WalkTo(sptes, fault.Gfn, 1, sptes.Leaf(fault.Gfn, out int level), ref level);

        // Not the generation of now: a memslot that came since the lookup makes the MMIO SPTE stale (INV-27).
        Install(vm, ref fault, 1, SpteLayout.Mmio(fault.MmioGeneration));
        if (fault.IsShadow && fault.Gva != 0)
        {
            Invariants.Count(CheckPoint.ShadowMmioInstalled);
            if (!vm.Shadow.MapMmio(fault.Gva, SpteLayout.Mmio(fault.MmioGeneration), Settings.ZapBeforeMmio))
            {
                fault.Violate(InvariantList.MmioNotOverPresent);
            }
        }
    }

    /// <summary>A memslot update is complete. A generation that wraps could make old MMIO SPTEs valid again: all roots go.</summary>
    private protected override void SlotsChanged(VmState vm)
    {
        vm.MmioGeneration = (vm.MmioGeneration + 1) & ((1U << Settings.MmioGenerationBits) - 1);
        if (vm.MmioGeneration == 0)
        {
            ZapAll(vm);
        }
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
                fault.Break(InvariantList.TdpNoReplace, certain: vm.Doubtful[fault.Gfn] == 0);
            }

            ulong lost = old & ~(stays ? spte : 0);
            CountMarks(TRules.BitsLost(Pages, old, sptes.IsShadow, (lost & _layout.Accessed) != 0, (lost & _layout.Dirty) != 0));
            Count(CostOperation.TlbFlush, stays ? 0 : 1);
        }
        else if (level > 1)
        {
            ulong block = fault.Gfn & ~(Levels.Pages(level) - 1);
            Zap(sptes, block, block + Levels.Pages(level), RecordOfZap.None);
        }

        Count(sptes.IsShadow ? CostOperation.SpteStore : CostOperation.SpteCas);
        sptes.Set(fault.Gfn, level, spte);
    }

    /// <summary>All roots go with it, whatever they map (the default of 6.12 and later; up to 6.11 there was no other way).</summary>
    private protected override void ZapSlot(VmState vm, Memslot? slot) => ZapAll(vm);

    /// <summary>Spec 4.7: a read-only page takes the place of another (KSM, copy-on-write); a writable one only ends the mapping.</summary>
    private protected override void ChangePte(VmState vm, ulong hva, HostPte pte, bool recorded)
    {
        vm.Memory.SetPte(hva, pte);
        if (!Settings.ChangePte || vm.Invalidate.InProgress == 0)
        {
            return;
        }

        for (int asId = 0; asId < vm.Roots; asId++)
        {
            foreach (Memslot slot in vm.Slots[asId].OverlappingHva(hva, hva + 1))
            {
                ulong gfn = slot.Gfn(hva);
                ulong spte = vm.Sptes[asId].Leaf(gfn, out int level);
                if (level != 1 || !SpteLayout.IsPresent(spte))
                {
                    continue;
                }

                Zap(vm.Sptes[asId], gfn, gfn + 1, RecordOfZap.OwnRecord);
                if (!pte.Writable)
                {
                    ulong kept = SpteLayout.WithPfn(spte, pte.Pfn);
                    vm.Sptes[asId].Set(gfn, 1, kept & ~(SpteLayout.WriteBit | _layout.HostWritable | _layout.MmuWritable | _layout.Accessed | _layout.Dirty));
                }
            }
        }
    }
}
