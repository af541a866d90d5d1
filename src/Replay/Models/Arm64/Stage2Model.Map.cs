using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Arm64;

/// <content>Under mmu_lock: the check, the block size, the permissions, the leaf.</content>
internal sealed partial class Stage2Model<TRules, TCounting>
{
    private protected override void Map(VmState vm, in Operation op, ref FaultContext fault)
    {
        FaultOutcome? observed = op.D == 0 ? null : (FaultOutcome)(op.D - 1);
        MapFacts facts = (MapFacts)op.B;
        fault.WritableReadOff = (facts & MapFacts.WritableReadOff) != 0;
        fault.OwnLevel = (byte)op.C;
        Lookup(vm, in op, ref fault);
        if (fault.Done)
        {
            GoOnAs(observed, ref fault);
            return;
        }

        fault.UnderLock = true;
        Count(CostOperation.MmuLockRead, 2);
        Count(CostOperation.StaleLoad, 2);
        CheckHeld(ref fault);
        OwnStep passed = (facts & MapFacts.Passed) != 0 ? OwnStep.Seen
            : (facts & (MapFacts.NotPassed | MapFacts.LookupUnseen)) == MapFacts.NotPassed ? OwnStep.Missing
            : OwnStep.NotRecorded;
        RetryVerdict verdict = CheckRetry(vm, in fault, _after, _before, out bool isOpen);
        if (fault.SlotsUnknown && verdict == RetryVerdict.Yes && (facts & MapFacts.OwnWindow) == 0)
        {
            // Where memslots are inferred nothing shows whether the window touches one.
            verdict = RetryVerdict.Maybe;
        }

        verdict = ByOwnStep(verdict, passed, ref fault);
        fault.RetryIn(verdict, isOpen ? RetryCause.WindowOpen : RetryCause.SeqMoved);
        if (!fault.Done && fault.MayRetry != RetryCause.None && (facts & (MapFacts.NotPassed | MapFacts.LookupUnseen)) == (MapFacts.NotPassed | MapFacts.LookupUnseen))
        {
            // It retried, or its lookup failed for a reason that nothing shows.
            fault.RestsOn(Certainty.Inferred);
            fault.End(FaultOutcome.Unknown, FaultReason.LookupNotShown);
            GoOnAs(observed, ref fault);
        }

        if (!fault.Done)
        {
            fault.RetryIn((facts & MapFacts.Raced) != 0 ? RetryVerdict.Maybe : RetryVerdict.No, RetryCause.LostRace);
            MapLeaf(vm, ref fault, Installs(observed, in fault));
            GoOnAs(observed, ref fault);
        }

        if (TRules.FinishesUnderLock)
        {
            Finish(ref fault);
            fault.UnderLock = false;
            return;
        }

        fault.UnderLock = false;
        Finish(ref fault);
    }

    private void Finish(ref FaultContext fault)
    {
        int puts = fault.RefsPut;
        TRules.Finish(ref fault, Pages);
        if (TRules.FinishesUnderLock)
        {
            Count(CostOperation.RefPutLocked, fault.RefsPut - puts);
            Count(CostOperation.MarkLocked, fault.MarkedAccessed + fault.MarkedDirty);
        }
    }

    private void MapLeaf(VmState vm, ref FaultContext fault, bool install)
    {
        SpteTables sptes = vm.Sptes[fault.AsId];
        bool device = IsDevice(in fault);
        bool logging = fault.Slot.Is(MemslotFlags.LogDirty) && !fault.Slot.Is(MemslotFlags.ReadOnly);
        bool writable = fault.MapWritable && (!logging || fault.Write);
        bool executable = (fault.Access & FaultAccess.Exec) != 0 || (_layout.AlwaysExecutable && !device);
        int goal = GoalLevel(vm, logging, ref fault);
        MoveReference(goal, ref fault);
        ulong pages = Levels.Pages(goal);
        ulong leaf = Stage2Leaf.Make(fault.Pfn & ~(pages - 1), goal, writable, executable, device) | TRules.LeafBits(in fault);
        ulong old = sptes.Leaf(fault.Gfn, out int oldLevel);
        bool present = SpteLayout.IsPresent(old);
        Count(CostOperation.WalkTdp, CostOperations.Depth);
        if (fault.MetLevel == goal && (!present || oldLevel == goal))
        {
            // A leaf of which no trace is left where others were mapped has gone since the CPU's walk; else it is older than the trace.
            if (!present && Settings.RelaxNeedsLeaf && vm.LeavesSeen[fault.Gfn >> 9] != 0)
            {
                fault.Retry(RetryCause.LeafGone);
                return;
            }

            // kvm_pgtable_stage2_relax_perms adds permissions and takes none away.
            if (install)
            {
                Count(CostOperation.SpteCas);
                Count(CostOperation.TlbFlush);
                sptes.Set(fault.Gfn, goal, present ? Stage2Leaf.Relaxed(old, leaf) : leaf);
            }
        }
        else if (present && oldLevel == goal && Stage2Leaf.DifferInPermissionsOnly(old, leaf))
        {
            // stage2_pte_needs_update: another vCPU has mapped the same; what is missing the next fault adds.
            fault.Retry(RetryCause.LeafThere);
            return;
        }
        else if (install)
        {
            Replace(sptes, fault.Gfn, goal, leaf, present ? oldLevel : 0);
            vm.LeavesSeen[fault.Gfn >> 9] = 1;
        }

        fault.Spte = leaf;
        fault.Level = (byte)goal;
        fault.Writable = writable;
        if (writable && install)
        {
            LogDirty(vm, fault.Slot.Is(MemslotFlags.LogDirty), ref fault);
        }

        fault.End(FaultOutcome.Fixed);
    }

    /// <summary>
    /// Dirty logging maps single pages. A permission fault keeps the size of its leaf; else it is what slot and host allow: for remapped
    /// memory where its frames and the addresses agree, which the kernel asks the VMA.
    /// </summary>
    private int GoalLevel(VmState vm, bool logging, ref FaultContext fault)
    {
        int level = fault.Slot.MaxLevel;
        ulong hva = fault.Slot.Hva;
        if (logging || level == 1)
        {
            return 1;
        }

        Count(CostOperation.WalkLevel, CostOperations.Depth);
        int host = fault.Path == FaultPath.Remapped ? RemappedLevel(vm, hva, ref fault) : HostLevel(vm, hva, ref fault);
        int goal = Math.Min(level, host);
        return goal == 1 && fault.MetLevel > 1 && fault.Path != FaultPath.Remapped ? fault.MetLevel : goal;
    }

    /// <summary>
    /// get_vma_page_shift: frame and address congruent modulo the block, and the block inside of the VMA. The kernel rounds the address itself
    /// up to find the block's end, so that for the block's first page the VMA may end anywhere behind it.
    /// </summary>
    private int RemappedLevel(VmState vm, ulong hva, ref FaultContext fault)
    {
        if (vm.Memory.FindVma(hva) is not { IsContiguous: true } vma)
        {
            return HostLevel(vm, hva, ref fault);
        }

        for (int level = 3; level > 1; level--)
        {
            ulong size = Levels.Pages(level) << 12;
            ulong block = hva & ~(size - 1);
            if ((((fault.Pfn << 12) ^ hva) & (size - 1)) == 0 && block >= vma.Start && ((hva + size - 1) & ~(size - 1)) <= vma.End)
            {
                return level;
            }
        }

        return 1;
    }

    /// <summary>transparent_hugepage_adjust up to 6.1: the reference goes over to the head page.</summary>
    private void MoveReference(int goal, ref FaultContext fault)
    {
        ulong head = fault.Pfn & ~(Levels.Pages(goal) - 1);
        if (!Settings.MovesReference || goal == 1 || fault.MetLevel > 1 || fault.Path == FaultPath.Remapped || !fault.HoldsRef)
        {
            return;
        }

        fault.Put(Pages, fault.ReleasePfn);
        Pages.SetKind(fault.Pfn, fault.Kind, Levels.Order(goal), goal);
        fault.Get(Pages);
        fault.ReleasePfn = head;
        fault.RefsMoved++;
    }

    /// <summary>Break-before-make: the old leaf is invalidated and flushed before the new one stands; a block that is split loses all of its pages.</summary>
    private void Replace(SpteTables sptes, ulong gfn, int level, ulong leaf, int oldLevel)
    {
        ulong block = gfn & ~(Levels.Pages(level) - 1);
        if (oldLevel > level)
        {
            sptes.Set(gfn, oldLevel, 0);
        }
        else if (level > 1)
        {
            // Its table goes as a whole.
            Zap(sptes, block, block + Levels.Pages(level), RecordOfZap.None, replaced: true);
        }

        Count(CostOperation.SpteStore, oldLevel > 0 ? 2 : 1);
        Count(CostOperation.TlbFlush, oldLevel > 0 ? 1 : 0);
        sptes.Set(gfn, level, leaf);
    }

    private protected override void SlotsChanged(VmState vm)
    {
    }

    /// <summary>kvm_arch_flush_shadow_memslot: what the memslot covers, and nothing else.</summary>
    private protected override void ZapSlot(VmState vm, Memslot? slot)
    {
        if (slot is null)
        {
            return;
        }

        Count(CostOperation.MmuLockWrite, 2);
        Zap(vm.Sptes[slot.AsId], slot.BaseGfn, slot.EndGfn, RecordOfZap.None);
        CountFlushOfZaps();
    }

    /// <summary>kvm_set_spte_gfn: the new page is mapped read-only, one page large, where a table for it is there.</summary>
    private protected override void ChangePte(VmState vm, ulong hva, HostPte pte, bool recorded)
    {
        vm.Memory.SetPte(hva, pte);
        if (!Settings.ChangePte || (vm.Invalidate.InProgress == 0 && !recorded))
        {
            return;
        }

        foreach (Memslot slot in vm.Slots[0].OverlappingHva(hva, hva + 1))
        {
            ulong gfn = slot.Gfn(hva);
            ulong table = gfn & ~(Levels.Pages(2) - 1);
            PresentVisitor any = default;
            vm.Sptes[0].ForEach(table, table + Levels.Pages(2), ref any);

            // A table goes with its last leaf, and this caller has none to put there.
            if (recorded || (any.SawPage && !any.SawBlock))
            {
                vm.ReplacedInWindow[gfn] = 1;
                vm.Sptes[0].Set(gfn, 1, Stage2Leaf.Make(pte.Pfn, 1, writable: false, executable: false, device: false));
            }
        }
    }

    private struct PresentVisitor : ILeafVisitor
    {
        public bool SawPage;
        public bool SawBlock;

        public void Visit(ulong gfn, int level, ref ulong spte)
        {
            SawPage |= level == 1 && SpteLayout.IsPresent(spte);
            SawBlock |= level > 1 && SpteLayout.IsPresent(spte);
        }
    }
}
