namespace TraceReplay.Replay.State;

/// <summary>How a fault ended: the outcome vocabulary of the contract, section 2.</summary>
public enum FaultOutcome : byte
{
    Unknown = 0,
    Fixed,
    FixedFast,
    Spurious,
    Retry,
    Emulate,
    WriteProtected,
    Efault,
    Eintr,
    Sigbus,
    Async,

    /// <summary>arm64: an abort was injected into the guest.</summary>
    Abort,

    /// <summary>arm64: an access to no memory whose syndrome does not say what it was.</summary>
    Enosys,
}

/// <summary>Spelling of <see cref="FaultOutcome"/> in tables.</summary>
public static class FaultOutcomes
{
    private static readonly string[] s_names =
        ["UNKNOWN", "FIXED", "FIXED_FAST", "SPURIOUS", "RETRY", "EMULATE", "WRITE_PROTECTED", "EFAULT", "EINTR", "SIGBUS", "ASYNC", "ABORT", "ENOSYS"];

    /// <summary>The outcome as the contract spells it.</summary>
    public static string Name(this FaultOutcome outcome) => s_names[(int)outcome];
}
