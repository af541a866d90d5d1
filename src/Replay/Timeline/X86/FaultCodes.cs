using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>What the error codes of kvm_page_fault and of the handler say (spec 9.2).</summary>
internal static class FaultCodes
{
    // What the error code of a call without kvm_page_fault says of an EPT misconfiguration (PFERR.RSVD).
    private const ulong Reserved = 8;

    public static bool IsReserved(ulong code) => (code & Reserved) != 0;

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
