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
    /// <summary>Another vCPU has had an abort on the same page since this one began: it may have mapped it.</summary>
    public bool Shared { get; set; }

    public FaultOutcome ByNext(OpenAbort next, long windowsSeen)
    {
        const FaultAccess want = FaultAccess.Write | FaultAccess.Exec;
        bool again = next.Gfn == Observed.Gpa >> 12
            && (Pc is null || next.Pc is null || Pc == next.Pc)
            && ((next.Syndrome.Access ^ Syndrome.Access) & want) == 0
            && !next.Syndrome.IsAccessFlag;

        if (!again && (Syndrome.Access & FaultAccess.Exec) != 0 && IsVector(next.Pc))
        {
            // Perhaps an abort was injected, and this is the guest's handler.
            return FaultOutcome.Unknown;
        }

        // A window may have taken away what it mapped.
        return !again ? Shared ? FaultOutcome.Unknown : FaultOutcome.Fixed : windowsSeen != WindowsSeen ? FaultOutcome.Unknown : FaultOutcome.Retry;
    }

    /// <summary>An entry for synchronous exceptions in a vector table, which lies at 2 KiB; unknown counts.</summary>
    private static bool IsVector(ulong? pc) => pc is null || (pc.Value & 0x7ff) is 0 or 0x200 or 0x400 or 0x600;
}
