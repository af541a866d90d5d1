using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>
/// How a guest abort ended. The handler returns 1 where the guest goes on, whether it mapped, retried or injected an abort; what it did
/// tells these apart.
/// </summary>
internal sealed class AbortEnds(TimelineContext context)
{
    private const int Efault = -14;
    private const int Eagain = -11;
    private const int Enosys = -38;
    private const int Eintr = -4;

    /// <summary>KVM_EXIT_MMIO and KVM_EXIT_ARM_NISV of kvm_userspace_exit.</summary>
    public const ulong ExitMmio = 6;
    public const ulong ExitNoSyndrome = 28;

    /// <summary>KVM_RUN comes back with an error, or with an exit that only an abort makes.</summary>
    public static void SeeExit(OpenAbort abort, ulong? reason, int errno)
    {
        if (abort.Return is not null || abort.Observed.Outcome != FaultOutcome.Unknown)
        {
            return;
        }

        FaultOutcome outcome = errno switch
        {
            Efault => FaultOutcome.Efault,
            Enosys => FaultOutcome.Enosys,
            Eintr => FaultOutcome.Unknown,
            _ when reason == ExitMmio => FaultOutcome.Emulate,
            _ when reason == ExitNoSyndrome => FaultOutcome.Enosys,
            _ => FaultOutcome.Unknown,
        };
        if (outcome != FaultOutcome.Unknown)
        {
            abort.Observed.Outcome = outcome;
            abort.Observed.By = ObservedBy.UserspaceExit;
        }
    }

    /// <summary>By what the records of the abort itself say; UNKNOWN where they do not.</summary>
    public FaultOutcome Of(OpenAbort abort) => abort.Return switch
    {
        Efault => FaultOutcome.Efault,
        Enosys => FaultOutcome.Enosys,
        < 0 => FaultOutcome.Unknown,
        _ when abort.Injected => FaultOutcome.Abort,
        _ when abort.NoSyndrome => FaultOutcome.Enosys,
        _ when abort.IoAbort => FaultOutcome.Emulate,
        _ when abort.Step == LeafStep.Young => FaultOutcome.Fixed,
        _ when abort.Step != LeafStep.None => !abort.StepReturned ? FaultOutcome.Unknown : abort.StepReturn switch
        {
            0 => FaultOutcome.Fixed,
            Eagain => FaultOutcome.Retry,
            _ => FaultOutcome.Unknown,
        },
        0 => FaultOutcome.Emulate,
        _ when abort.LookupPfn == SpecialPfn.HwPoison => FaultOutcome.Sigbus,

        // The check said no: nothing was called for the leaf, and a record would show it.
        1 when abort.SawLookup && LeavesAreRecorded => FaultOutcome.Retry,
        _ => FaultOutcome.Unknown,
    };

    public bool LeavesAreRecorded => context.Kinds.Contains(EventKind.S2Map);

    /// <summary>The guest goes on and nothing but its next abort tells why.</summary>
    public static bool IsOpen(OpenAbort abort) => abort.Observed.Outcome == FaultOutcome.Unknown && !abort.IoAbort && !abort.Injected && abort.Return is null or 1;
}
