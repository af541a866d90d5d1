using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>
/// An abort after which the guest went on, and no record says why. The same instruction that aborts again on the same page for the same want
/// shows that it was not mapped; any other abort of the vCPU shows that it was.
/// </summary>
/// <param name="Observed">What was seen of it.</param>
/// <param name="Pc">The guest's instruction; null if not recorded.</param>
/// <param name="Syndrome">What it wanted.</param>
/// <param name="WindowsSeen">How many windows its VM had had when it ended.</param>
internal sealed record AwaitedAbort(ObservedFault Observed, ulong? Pc, Syndrome Syndrome, long WindowsSeen)
{
    public FaultOutcome ByNext(OpenAbort next, long windowsSeen)
    {
        const FaultAccess want = FaultAccess.Write | FaultAccess.Exec;
        bool again = next.Gfn == Observed.Gpa >> 12
            && (Pc is null || next.Pc is null || Pc == next.Pc)
            && ((next.Syndrome.Access ^ Syndrome.Access) & want) == 0
            && next.Syndrome.MetLevel == 0 == (Syndrome.MetLevel == 0);

        // A window may have taken away what it mapped.
        return !again ? FaultOutcome.Fixed : windowsSeen != WindowsSeen ? FaultOutcome.Unknown : FaultOutcome.Retry;
    }
}
