using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.X86;

/// <summary>x86's fault handler: kvm_tdp_page_fault, and what shadow paging does otherwise (spec 3.3, 4).</summary>
internal sealed partial class X86Model<TRules, TCounting>(string name, ModelSettings settings, SpteLayout layout, CostCounter? costs = null)
    : FaultModel<TRules, TCounting>(name, settings, layout, costs)
    where TRules : struct, IFaultRules
    where TCounting : struct, ICounting
{
    private protected override bool ChecksAnyRange => false;

    private protected override FaultOutcome OfReadOnlyLeaf => FaultOutcome.Emulate;

    /// <summary>Spec 3.3, steps 1 to 9: fast path, snapshot, slot, first check.</summary>
    private protected override void Begin(VmState vm, in Operation op, ref FaultContext fault)
    {
        BeginFacts facts = new(op.C);
        Start(vm, in op, facts, ref fault);
        fault.Gva = op.D;
        SpteTables sptes = vm.Sptes[op.AsId];
        sptes.IsShadow |= fault.IsShadow;
        fault.MayBeProtected = vm.GuestTables[fault.Gfn] != 0;
        if ((fault.Access & FaultAccess.Reserved) != 0)
        {
            ulong mmio = sptes.Leaf(fault.Gfn, out _);
            Count(CostOperation.WalkTdp, CostOperations.Depth);
            if (SpteLayout.IsMmio(mmio) && SpteLayout.MmioGeneration(mmio) == vm.MmioGeneration)
            {
                fault.Path = FaultPath.MmioCached;
                fault.Kind = PageKind.NoSlot;
                fault.End(FaultOutcome.Emulate);
                return;
            }
        }
        else if ((fault.Access & FaultAccess.Present) != 0 && fault.Write && !fault.IsShadow && facts.FastPath != FastPathFact.Over)
        {
            if (facts.FastPath == FastPathFact.Untold)
            {
                fault.RestsOn(Certainty.Assumed);
                fault.End(FaultOutcome.Unknown, FaultReason.OrderUnknown);
                return;
            }

            if (FastPageFault(vm, sptes, ref fault))
            {
                return;
            }
        }

        Count(CostOperation.SeqLoad);
        fault.Seq = vm.Invalidate.Seq;
        fault.RootGeneration = facts.RootStale ? vm.RootGeneration - 1 : vm.RootGeneration;
        fault.RootMayBeStale = facts.RootMayBeStale;
        fault.MmioGeneration = vm.MmioGeneration;
        Memslot? slot = facts.Slot is SlotFact.NoneInferred ? null : vm.Slots[op.AsId].Find(fault.Gfn);
        fault.Slot = PageSlot.Of(slot, fault.Gfn);
        CountSlotLookup(in op, slot, vm.Slots[op.AsId]);
        if (facts.Slot == SlotFact.Unknown)
        {
            fault.RestsOn(Certainty.Assumed);
            fault.End(FaultOutcome.Unknown, FaultReason.SlotNotRecorded);
            return;
        }

        if (!fault.Slot.Exists)
        {
            fault.Pfn = SpecialPfn.NoSlot;
            fault.Kind = PageKind.NoSlot;
            fault.Path = FaultPath.NoSlot;
            fault.LookedUp = true;
            return;
        }

        if (fault.Slot.Is(MemslotFlags.ReadOnly) && fault.Write)
        {
            // Refused before hva_to_pfn: that there is no lookup says nothing of the check before it.
            fault.LookupMade = OwnStep.NotRecorded;
        }

        bool invalid = fault.Slot.Is(MemslotFlags.Invalid) || facts.Slot == SlotFact.SeenInvalid;
        bool checks = Settings.Prechecks && (!invalid || Settings.PrecheckBeforeInvalidSlot);
        Count(CostOperation.PrecheckLoad, checks ? 2 : 0);
        if (checks)
        {
            RetryVerdict verdict = CheckRetry(vm, in fault, _after, _before, out _, beforeLookup: true);
            fault.FirstCheckUndecided = verdict == RetryVerdict.Maybe;
            fault.RetryIn(ByOwnStep(verdict, fault.LookupMade, ref fault), RetryCause.PrecheckBeforeLookup);
            fault.PassedAfter = fault.LookupMade == OwnStep.Seen ? _after : long.MinValue;
        }

        if (!fault.Done && (invalid || facts.Slot == SlotFact.MayBeInvalid))
        {
            fault.SlotMayBeInvalid = invalid ? RetryVerdict.Yes : ByOwnStep(RetryVerdict.Maybe, fault.LookupMade, ref fault);
            fault.RetryIn(fault.SlotMayBeInvalid, RetryCause.SlotInvalid);
        }
    }

    /// <summary>Spec 4.6, direct MMU only: the lockless path for a present leaf that may become writable.</summary>
    private bool FastPageFault(VmState vm, SpteTables sptes, ref FaultContext fault)
    {
        Count(CostOperation.WalkTdp, CostOperations.Depth);
        ulong spte = sptes.Leaf(fault.Gfn, out int level);
        if (!SpteLayout.IsPresent(spte))
        {
            return false;
        }

        if (SpteLayout.IsWritable(spte))
        {
            EndMapped(ref fault, FaultOutcome.Spurious, spte, level);
            fault.Path = FaultPath.Fast;
            return true;
        }

        Memslot? slot = vm.Slots[fault.AsId].Find(fault.Gfn);
        if ((spte & _layout.MmuWritable) == 0 || (level > 1 && slot is not null && slot.Is(MemslotFlags.LogDirty)))
        {
            return false;
        }

        Count(CostOperation.SpteCas);
        spte |= SpteLayout.WriteBit;
        sptes.Set(fault.Gfn, level, spte);
        LogDirty(vm, slot is not null && slot.Is(MemslotFlags.LogDirty), ref fault);
        EndMapped(ref fault, FaultOutcome.FixedFast, spte, level);
        fault.Path = FaultPath.Fast;
        return true;
    }

    /// <summary>Steps 10 and 11: the lookup, and the second check.</summary>
    private protected override void Lookup(VmState vm, in Operation op, ref FaultContext fault)
    {
        if (fault.Done || fault.LookedUp)
        {
            return;
        }

        fault.LookedUp = true;

        fault.LockReached = op.Kind == OperationKind.FaultLookup ? (OwnStep)op.D : OwnStep.NotRecorded;

        // The recorded snapshot is exact where the position of the event that shows it is not.
        if (op.Kind == OperationKind.FaultLookup && op.B != 0)
        {
            fault.Seq = op.B - 1;
            vm.Invalidate.CatchUp(fault.Seq);
            fault.SnapshotPlusOne = op.B;
            if (fault.FirstCheckUndecided)
            {
                // Now it is known which ends came before it.
                fault.MayRetry = RetryCause.None;
                fault.RetryIn(ByOwnStep(CheckRetry(vm, in fault, fault.SnapshotAfter, fault.SnapshotBefore, out _, beforeLookup: true), fault.LookupMade, ref fault), RetryCause.PrecheckBeforeLookup);
                fault.RetryIn(fault.SlotMayBeInvalid, RetryCause.SlotInvalid);
                if (fault.Done)
                {
                    return;
                }
            }
        }

        Resolve(vm, (LookupFact)op.A, mappingsChange: op.Kind == OperationKind.FaultLookup && op.C != 0, ref fault);
        CountHostWork((LookupFact)op.A, in fault);
        Count(CostOperation.RefPutInLookup, fault.RefsPut);
        if (fault.Done || !Settings.Prechecks)
        {
            return;
        }

        Count(CostOperation.PrecheckLoad, 2);
        fault.RetryIn(ByOwnStep(CheckRetry(vm, in fault, _after, _before, out _), fault.LockReached, ref fault), RetryCause.PrecheckAfterLookup);
        if (fault.Done)
        {
            TRules.ReleaseAtPrecheck(ref fault, Pages);
        }
    }

    /// <summary>Steps 12 to 16: under mmu_lock.</summary>
    private protected override void Map(VmState vm, in Operation op, ref FaultContext fault)
    {
        FaultOutcome? observed = op.D == 0 ? null : (FaultOutcome)(op.D - 1);
        if ((LookupFact)op.A == LookupFact.OrderUnknown && (!fault.Done || fault.RetryCause == RetryCause.PrecheckBeforeLookup))
        {
            fault.RestsOn(Certainty.Assumed);
            fault.RetryCause = RetryCause.None;
            fault.End(FaultOutcome.Unknown, FaultReason.OrderUnknown);
            return;
        }

        MapFacts facts = (MapFacts)op.B;
        fault.WritableReadOff = (facts & MapFacts.WritableReadOff) != 0;
        fault.GuestUntold = (facts & MapFacts.GuestUntold) != 0;
        if ((LookupFact)op.A == LookupFact.SourceUnknown && !fault.Done)
        {
            fault.RestsOn(Certainty.Assumed);
            fault.End(FaultOutcome.Unknown, FaultReason.SourceUnknown);
            GoOnAs(observed, ref fault);
            return;
        }

        fault.OwnLevel = (byte)op.C;
        Lookup(vm, in op, ref fault);
        if (fault.Done)
        {
            GoOnAs(observed, ref fault);
            return;
        }

        fault.UnderLock = true;
        Count(fault.IsShadow ? CostOperation.MmuLockWrite : CostOperation.MmuLockRead, 2);
        if (fault.Slot.Exists && fault.RootGeneration == vm.RootGeneration)
        {
            Count(CostOperation.StaleLoad, vm.Invalidate.InProgress > 0 ? 4 : 2);
        }

        CheckHeld(ref fault);
        OwnStep passed = (facts & MapFacts.Passed) != 0 ? OwnStep.Seen
            : (facts & (MapFacts.NotPassed | MapFacts.LookupUnseen)) == MapFacts.NotPassed ? OwnStep.Missing
            : OwnStep.NotRecorded;
        if (fault.MayRetry != RetryCause.None)
        {
            // An earlier check that was left open: it let the fault through, or this is where it ended.
            RetryCause earlier = fault.MayRetry;
            fault.MayRetry = RetryCause.None;
            fault.RetryIn(ByOwnStep(RetryVerdict.Maybe, passed, ref fault), earlier);
        }

        if (!fault.Done)
        {
            fault.RetryIn(ByOwnStep(CheckRoot(vm, in fault), passed, ref fault), RetryCause.RootObsolete);
        }

        if (!fault.Done && fault.Slot.Exists)
        {
            RetryVerdict verdict = ByOwnStep(CheckRetry(vm, in fault, _after, _before, out bool isOpen), passed, ref fault);
            fault.RetryIn(verdict, isOpen ? RetryCause.WindowOpen : RetryCause.SeqMoved);
        }

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
            bool install = Installs(observed, in fault);
            if (!fault.Slot.Exists)
            {
                InstallMmio(vm, ref fault, install);
                fault.End(FaultOutcome.Emulate);
            }
            else
            {
                MapLeaf(vm, ref fault, install, facts);
            }

            GoOnAs(observed, ref fault);
        }

        int puts = fault.RefsPut;
        TRules.Finish(ref fault, Pages);
        if (TRules.FinishesUnderLock)
        {
            Count(CostOperation.RefPutLocked, fault.RefsPut - puts);
            Count(CostOperation.MarkLocked, fault.MarkedAccessed + fault.MarkedDirty);
        }

        fault.UnderLock = false;
    }

    /// <summary>A root that was zapped since the vCPU loaded it is stale.</summary>
    private RetryVerdict CheckRoot(VmState vm, in FaultContext fault)
    {
        RetryVerdict atBegin = fault.RootMayBeStale ? RetryVerdict.Maybe : RetryVerdict.No;
        if (fault.RootGeneration == vm.RootGeneration)
        {
            return atBegin;
        }

        // The zap holds mmu_lock for writing: it lies wholly on one side of the check.
        (long goneAfter, long goneBefore) = vm.RootsGone(fault.RootGeneration);
        return goneBefore <= Math.Max(_after, fault.SnapshotAfter) ? RetryVerdict.Yes : goneAfter >= _before ? atBegin : RetryVerdict.Maybe;
    }
}
