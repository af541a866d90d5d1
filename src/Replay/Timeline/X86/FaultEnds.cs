using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>How a fault ended, by the records that are there (spec 1.4, 15.1).</summary>
internal sealed class FaultEnds(TimelineContext context)
{
    private const int Efault = -14;
    private const int Eintr = -4;

    /// <summary>KVM_RUN ends with an error. Behind a leaf that is none of this fault's: it belongs to the next entry, or to a later fault (K7, K15).</summary>
    public void SeeErrno(OpenFault fault, int errno)
    {
        bool mapped = fault.Observed.By == ObservedBy.SetSpte || fault.FastReturn == context.Options.Codes.Fixed || fault.FastReturn == context.Options.Codes.Spurious;
        if (fault.SawReturn || (errno != Efault && errno != Eintr) || mapped)
        {
            return;
        }

        fault.Observed.Outcome = errno == Efault ? FaultOutcome.Efault : FaultOutcome.Eintr;
        fault.Observed.By = ObservedBy.UserspaceExit;
    }

    /// <summary>Says it once all is seen.</summary>
    public void Decide(OpenFault fault)
    {
        ref ObservedFault observed = ref fault.Observed;
        if (fault.SawReturn)
        {
            observed.Outcome = FromHandlerReturn(fault);
            observed.By = ObservedBy.HandlerReturn;
        }
        else if (fault.Reflected && observed.By is ObservedBy.Nothing or ObservedBy.Entry)
        {
            observed.By = ObservedBy.Nothing;
        }
        else if (observed.Outcome == FaultOutcome.Unknown)
        {
            observed.Outcome = FromEvents(fault);
        }

        context.Counts.OutcomesUntold += observed.Outcome == FaultOutcome.Unknown && (fault.ReturnUntold || fault.FastUntold) ? 1 : 0;
        if (observed.Outcome is not (FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious))
        {
            observed.HasLeaf = false;
        }
    }

    public FaultOutcome FromHandlerReturn(OpenFault fault)
    {
        // Where the lookup is probed and was not reached, the fast path is what fixed it.
        Kernel.ReturnCodes codes = context.Options.Codes;
        bool fast = fault.FastReturn == codes.Fixed || (fault.FastUntold && fault.Faultin == 0 && context.Kinds.Contains(EventKind.Faultin));
        int value = (int)fault.Return;
        return value switch
        {
            Efault => FaultOutcome.Efault,
            Eintr => FaultOutcome.Eintr,
            _ when value == codes.Retry => fault.AsyncQueued ? FaultOutcome.Async : fault.LookupPfn == SpecialPfn.HwPoison ? FaultOutcome.Sigbus : FaultOutcome.Retry,
            _ when value == codes.Emulate => FaultOutcome.Emulate,
            _ when value == codes.Fixed && fast => FaultOutcome.FixedFast,
            _ when value == codes.Fixed => fault.FastUntold && fault is { Faultin: 0, Observed.HasLeaf: false } ? FaultOutcome.Unknown : FaultOutcome.Fixed,
            _ when value == codes.Spurious => FaultOutcome.Spurious,
            _ when codes.WriteProtected >= 0 && value == codes.WriteProtected => FaultOutcome.WriteProtected,
            _ => FaultOutcome.Unknown,
        };
    }

    private FaultOutcome FromEvents(OpenFault fault)
    {
        if (fault.FastReturn == context.Options.Codes.Fixed)
        {
            fault.Observed.By = ObservedBy.FastPageFault;
            return FaultOutcome.FixedFast;
        }

        if (fault.FastReturn == context.Options.Codes.Spurious)
        {
            fault.Observed.By = ObservedBy.FastPageFault;
            return FaultOutcome.Spurious;
        }

        switch (fault.Observed.By)
        {
            case ObservedBy.SetSpte:
                // Up to 6.12 the event comes for an entry that was there already, too: then nothing changed. A shadow MMU changes entries without the other event.
                return !fault.Installed && SpteLayout.IsPresent(context.Records.Leaf(fault.Vm, fault.Observed.AsId, fault.Gfn)) ? FaultOutcome.Spurious : FaultOutcome.Fixed;
            case ObservedBy.Mmio:
                return FaultOutcome.Emulate;
            case ObservedBy.Entry when fault.ReturnUntold || (fault.FastUntold && fault.Faultin == 0):
                return FaultOutcome.Unknown;
            case ObservedBy.Entry when !context.Kinds.Contains(EventKind.SetSpte) && !context.Options.IsExcerpt:
                // Nothing would show a leaf.
                return FaultOutcome.Unknown;
            case ObservedBy.Entry:
                context.Counts.OutcomesInferred++;
                return FromBareEntry(fault);
            default:
                return FaultOutcome.Unknown;
        }
    }

    private FaultOutcome FromBareEntry(OpenFault fault)
    {
        if (fault.AsyncQueued)
        {
            return FaultOutcome.Async;
        }

        // The walk of the guest's own tables may have ended it: the guest gets a fault of its own.
        if (fault is { Observed.Shadow: true, Faultin: 0, LookupEntry: 0, Requested: 0 })
        {
            return FaultOutcome.Unknown;
        }

        // An MMIO SPTE's fault that never reached the page-fault handler was emulated.
        if ((fault.Access & FaultAccess.Reserved) != 0 && !fault.SawTdpFault && context.Kinds.Contains(EventKind.TdpFault))
        {
            return FaultOutcome.Emulate;
        }

        // 7.x leaves a leaf that permits the access alone, and records nothing of it (K7).
        if (context.Options.EarlySpurious && fault.Requested > 0)
        {
            ulong leaf = context.Records.Leaf(fault.Vm, fault.Observed.AsId, fault.Gfn);
            if (SpteLayout.IsPresent(leaf) && ((fault.Access & FaultAccess.Write) == 0 || SpteLayout.IsWritable(leaf)))
            {
                return FaultOutcome.Spurious;
            }
        }

        return FaultOutcome.Retry;
    }
}
