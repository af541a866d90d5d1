namespace TraceReplay.Replay.Timeline.X86;

/// <summary>How a vCPU left its guest.</summary>
internal enum GuestExit : byte
{
    /// <summary>Not recorded, or in a form that does not tell.</summary>
    Unknown,

    /// <summary>By a #PF that KVM intercepts: shadow paging. The fault's address is the guest's virtual one.</summary>
    GuestPageFault,

    /// <summary>For any other reason: a fault of the tables for guest-physical addresses (EPT violation, nested page fault) among them.</summary>
    Other,
}

/// <summary>Whether kvm_page_fault's address is a guest-physical one of the VM (spec 9.2): the exit before it tells.</summary>
internal static class GuestAddresses
{
    private const ulong Vmx = 1;
    private const ulong Svm = 2;
    private const ulong ExceptionOrNmi = 0;
    private const ulong PageFaultVector = 14;

    // SVM_EXIT_EXCP_BASE + 14.
    private const ulong PageFaultIntercept = 0x40 + PageFaultVector;

    /// <summary>Reads kvm_exit: exit_reason, isa, intr_info.</summary>
    public static GuestExit OfExit(EventCursor e, bool intel)
    {
        if (!e.Knows(0))
        {
            return GuestExit.Unknown;
        }

        bool vmx = e.Knows(1) && e[1] is Vmx or Svm ? e[1] == Vmx : intel;
        ulong reason = vmx ? (ushort)e[0] : e[0];
        if (!vmx)
        {
            return reason == PageFaultIntercept ? GuestExit.GuestPageFault : GuestExit.Other;
        }

        return reason != ExceptionOrNmi ? GuestExit.Other
            : !e.Knows(2) ? GuestExit.Unknown
            : (byte)e[2] == PageFaultVector ? GuestExit.GuestPageFault : GuestExit.Other;
    }

    /// <summary>Reads kvm_nested_vmenter: tdp_enabled. Where it is not told, no fault's address is taken for one of the VM until more is known of it.</summary>
    public static bool HasNestedTdp(EventCursor e) => !e.Knows(0) || e[0] != 0;
}
