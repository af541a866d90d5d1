using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Arm64;

/// <summary>
/// What stage 2 does otherwise than the x86 fault handler (spec 7): one lookup that waits, a retry check that knows no range, no
/// outcome for a read-only fault. Levels, cacheability and tagging are not modelled.
/// </summary>
internal static class Arm64Rules
{
    /// <summary>Every error pfn but poison ends in EFAULT; x86 emulates the write.</summary>
    public static FaultOutcome OfReadOnlyFault(bool arm64) => arm64 ? FaultOutcome.Efault : FaultOutcome.Emulate;

    /// <summary>Between lookup and lock: an instruction fetch from device memory gets an external abort instead of a mapping.</summary>
    public static void AfterLookup(ref FaultContext fault, PageLedger pages, ModelSettings settings)
    {
        if ((fault.Access & FaultAccess.Exec) == 0 || fault.Kind is not (PageKind.P0 or PageKind.P5 or PageKind.P8 or PageKind.H))
        {
            return;
        }

        if (fault.HoldsRef && !settings.LeaksOnEarlyExit)
        {
            fault.Put(pages, fault.ReleasePfn);
        }

        fault.HoldsRef = false;
        fault.End(FaultOutcome.Emulate, FaultReason.ExecFromDevice);
    }
}
