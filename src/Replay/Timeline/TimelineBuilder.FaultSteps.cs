using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline;

/// <content>The steps of a fault that the models take, and how it ended (spec 15.1).</content>
internal sealed partial class TimelineBuilder
{
    private void Begin(OpenFault fault)
    {
        if (!fault.Begun)
        {
            fault.Begun = true;
            EmitFault(fault, OperationKind.FaultBegin, fault.Observed.Gpa, (ulong)fault.Access, (ulong)(_inferred is null ? SlotFact.Recorded : InferSlot(fault)));
        }
    }

    private void SendLookup(OpenFault fault, bool mapWritable, ulong seqPlusOne)
    {
        if (fault.LookupSent)
        {
            return;
        }

        fault.LookupSent = true;
        if (fault.Fact == LookupFact.Found && !fault.SawFollow && !SpecialPfn.IsError(fault.LookupPfn))
        {
            // Remembered by hva; a fault whose lookup was not probed finds its hva through the slot.
            ulong hva = fault.Hva != 0 ? fault.Hva : fault.Vm.Slots[fault.Observed.AsId].Find(fault.Observed.Gpa >> 12)?.Hva(fault.Observed.Gpa >> 12) ?? 0;
            fault.Hva = hva;
            Emit(OperationKind.PteKnown, fault.Vm, hva, HostPte.Make(fault.LookupPfn, mapWritable, special: false, Math.Max(1, fault.Observed.Level)).Raw);
        }

        LookupFact fact = fault.AsyncQueued && fault.Fact != LookupFact.Found ? LookupFact.AsyncQueued : fault.Fact;
        EmitFault(fault, OperationKind.FaultLookup, (ulong)fact, seqPlusOne);
    }

    /// <summary>The point at which the kernel had decided: the models decide here too.</summary>
    private void Commit(OpenFault fault, bool exact)
    {
        if (fault.Committed)
        {
            return;
        }

        Begin(fault);
        if (_inferred is not null)
        {
            CommitInferred(fault);
            return;
        }

        bool mapWritable = fault.Observed.HasLeaf ? (fault.Observed.Spte & _options.HostWritableBit) != 0 : (fault.Access & FaultAccess.Write) != 0;
        if (fault.AtLookupReturn >= 0 || (fault.Fact == LookupFact.Found && fault.Observed.HasLeaf))
        {
            Counts.WritableFromLeaf += fault is { LookupSent: false, SawFollow: false, Observed.HasLeaf: true } ? 1 : 0;
            SendLookup(fault, mapWritable, 0);
        }

        // The level that the host maps is known from the leaf only (spec 8.3: a lower bound).
        if (fault.Observed.HasLeaf && fault.Observed.Level > 1 && fault.Hva != 0)
        {
            Emit(OperationKind.PteKnown, fault.Vm, fault.Hva, HostPte.Make(fault.Observed.Pfn, mapWritable, fault.SawFollow, fault.Observed.Level).Raw);
        }

        fault.Committed = true;
        fault.Observed.OrderAmbiguous = IsOrderAmbiguous(fault, exact);
        LookupFact fact = fault.AsyncQueued && fault.Fact != LookupFact.Found ? LookupFact.AsyncQueued
            : fault.FaultinReturned && fault.AtLookup < 0 && _kinds.Contains(EventKind.HvaToPfn) ? LookupFact.NotMade
            : LookupFact.None;
        EmitFault(fault, OperationKind.FaultMap, (ulong)fact);
    }

    /// <summary>A boundary between two milestones of the fault may have come before or after the check that lies between them.</summary>
    private static bool IsOrderAmbiguous(OpenFault fault, bool exact)
    {
        if (fault.LeafRaced)
        {
            return true;
        }

        long now = fault.Vm.Boundaries;
        if (fault.Vm.Opening > 0 || fault.AtFaultin < 0)
        {
            return fault.Vm.Opening > 0;
        }

        long afterFirst = fault.AtLookup >= 0 ? fault.AtLookup : fault.AtFaultinReturn >= 0 ? fault.AtFaultinReturn : now;
        bool second = fault.AtLookupReturn >= 0 && fault.AtFaultinReturn >= 0 && Moved(fault.AtLookupReturn, fault.AtFaultinReturn);
        bool third = !exact && fault.AtFaultinReturn >= 0 && Moved(fault.AtFaultinReturn, now);
        return Moved(fault.AtFaultin, afterFirst) || second || third;
    }

    private static bool Moved(long before, long after) => (before & ~OpeningMark) != (after & ~OpeningMark) || ((before | after) & OpeningMark) != 0;

    // A boundary count, with a mark while some window's begin is not placed yet.
    private const long OpeningMark = 1L << 62;

    private static long Mark(OpenFault fault) => fault.Vm.Boundaries | (fault.Vm.Opening > 0 ? OpeningMark : 0);

    private static void SeeLeaf(OpenFault fault, ulong spte, int level)
    {
        fault.Observed.HasLeaf = true;
        fault.Observed.HasPfn = true;
        fault.Observed.Spte = spte;
        fault.Observed.Level = level == 0 ? ((spte & SpteLayout.LargeBit) != 0 ? 2 : 1) : level;
        ulong inside = (fault.Observed.Gpa >> 12) & (Levels.Pages(fault.Observed.Level) - 1);
        fault.Observed.Pfn = SpteLayout.Pfn(spte) + inside;
    }

    private void Close(ThreadState thread, OpenFault fault, long endTime, long endSeq)
    {
        Commit(fault, exact: false);
        if (fault.Requested)
        {
            _requested.Remove(fault);
        }

        thread.Fault = null;
        ref ObservedFault observed = ref fault.Observed;
        observed.Vm = fault.Vm.Index;
        observed.Hva = fault.Hva;
        observed.EndSeq = endSeq;
        observed.Releases = _kinds.Contains(EventKind.Release) ? observed.Releases : -1;
        observed.Latency = endTime < 0 ? -1 : endTime - observed.Time;
        if (fault.SawReturn)
        {
            observed.Outcome = FromHandlerReturn(fault);
            observed.By = ObservedBy.HandlerReturn;
        }
        else if (observed.Outcome == FaultOutcome.Unknown)
        {
            observed.Outcome = FromEvents(fault);
        }

        Counts.OutcomesUntold += observed.Outcome == FaultOutcome.Unknown && (fault.ReturnUntold || fault.FastUntold) ? 1 : 0;

        if (observed.Outcome is not (FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious))
        {
            observed.HasLeaf = false;
        }

        if (_inferred is not null)
        {
            EndWindowsOutlivedBy(fault);
            LearnFromLeaf(fault);
        }

        if (!fault.Prefetch)
        {
            Ended.Add(observed);
        }

        _freeFaults.Push(fault);
    }

    private FaultOutcome FromHandlerReturn(OpenFault fault)
    {
        // Where the lookup is probed and was not reached, the fast path is what fixed it.
        bool fast = fault.FastReturn == _options.Codes.Fixed || (fault.FastUntold && fault.AtFaultin < 0 && _kinds.Contains(EventKind.Faultin));
        Kernel.ReturnCodes codes = _options.Codes;
        int value = (int)fault.Return;
        return value switch
        {
            Efault => FaultOutcome.Efault,
            Eintr => FaultOutcome.Eintr,
            _ when value == codes.Retry => fault.AsyncQueued ? FaultOutcome.Async : fault.LookupPfn == SpecialPfn.HwPoison ? FaultOutcome.Sigbus : FaultOutcome.Retry,
            _ when value == codes.Emulate => FaultOutcome.Emulate,
            _ when value == codes.Fixed && fast => FaultOutcome.FixedFast,
            _ when value == codes.Fixed => fault.FastUntold && fault is { AtFaultin: < 0, Observed.HasLeaf: false } ? FaultOutcome.Unknown : FaultOutcome.Fixed,
            _ when value == codes.Spurious => FaultOutcome.Spurious,
            _ when codes.WriteProtected >= 0 && value == codes.WriteProtected => FaultOutcome.WriteProtected,
            _ => FaultOutcome.Unknown,
        };
    }

    private FaultOutcome FromEvents(OpenFault fault)
    {
        if (fault.FastReturn == _options.Codes.Fixed)
        {
            fault.Observed.By = ObservedBy.FastPageFault;
            return FaultOutcome.FixedFast;
        }

        if (fault.FastReturn == _options.Codes.Spurious)
        {
            fault.Observed.By = ObservedBy.FastPageFault;
            return FaultOutcome.Spurious;
        }

        switch (fault.Observed.By)
        {
            case ObservedBy.SetSpte:
                return FaultOutcome.Fixed;
            case ObservedBy.Mmio:
                return FaultOutcome.Emulate;
            case ObservedBy.Entry when fault.ReturnUntold || (fault.FastUntold && fault.AtFaultin < 0):
                return FaultOutcome.Unknown;
            case ObservedBy.Entry:
                Counts.OutcomesInferred++;
                if (fault.AsyncQueued)
                {
                    return FaultOutcome.Async;
                }

                // An MMIO SPTE's fault that never reached the page-fault handler was emulated.
                return (fault.Access & FaultAccess.Reserved) != 0 && !fault.SawTdpFault && _kinds.Contains(EventKind.TdpFault)
                    ? FaultOutcome.Emulate
                    : FaultOutcome.Retry;
            default:
                return FaultOutcome.Unknown;
        }
    }

    private void EmitFault(OpenFault fault, OperationKind kind, ulong a, ulong b = 0, ulong c = 0) => Operations.Add(new Operation
    {
        Kind = kind,
        Vm = fault.Vm.Index,
        AsId = (byte)fault.Observed.AsId,
        Open = fault.Open,
        FaultId = fault.Observed.FaultId,
        Seq = _seq,
        Time = _time,
        A = a,
        B = b,
        C = c,
        D = kind == OperationKind.FaultBegin ? fault.Gva : 0,
    });

    /// <summary>What a fault wants, by the error code of kvm_page_fault.</summary>
    public static FaultAccess AccessOf(ulong code, bool intel) => intel ? FromExitQualification(code) : FromPageFaultErrorCode(code);

    private static FaultAccess FromPageFaultErrorCode(ulong code) =>
        (FaultAccess)((uint)code & (uint)(FaultAccess.Present | FaultAccess.Write | FaultAccess.Reserved | FaultAccess.Exec));

    /// <summary>VMX: bits 0 to 2 are the access, 3 to 5 what the entry permits (spec 9.2).</summary>
    private static FaultAccess FromExitQualification(ulong qualification) =>
        ((qualification & 2) != 0 ? FaultAccess.Write : 0)
        | ((qualification & 4) != 0 ? FaultAccess.Exec : 0)
        | ((qualification & 0x38) != 0 ? FaultAccess.Present : 0);
}
