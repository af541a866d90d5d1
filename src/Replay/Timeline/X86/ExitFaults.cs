using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>
/// Faults of a capture without kvm_page_fault, as <c>perf kvm stat record</c> makes them: kvm_exit tells them. SVM's exit for a nested
/// page fault has the error code in info1 and the guest-physical address in info2; VMX's has the qualification of an EPT violation in
/// info1, and the address nowhere.
/// </summary>
internal static class ExitFaults
{
    private const string PageFault = "kvm.kvm_page_fault";
    private const string Exit = "kvm.kvm_exit";
    private const ulong NestedPageFault = 0x400;
    private const ulong EptViolation = 48;
    private const ulong EptMisconfiguration = 49;
    private const ulong Vmx = 1;
    private const ulong Svm = 2;

    // As kvm_page_fault is read: address, error code, vCPU; then what the exit is.
    private const int Reason = 3;
    private const int Isa = 4;

    private static readonly EventSource s_source = new(EventKind.PageFault, Exit, "info2?", "info1?", "vcpu_id?", "exit_reason?", "isa?");

    /// <summary>kvm_exit in the place of kvm_page_fault, where the capture has only that.</summary>
    public static IEnumerable<EventSource> Sources(TraceManifest trace) =>
        trace.EventCounts.GetValueOrDefault(PageFault) == 0 && !CapturedKernel.IsArm64(trace) && trace.EventCounts.GetValueOrDefault(Exit) > 0 ? [s_source] : [];

    /// <summary>What a record of that source is.</summary>
    /// <returns>true for a fault with its address, null for one without, false for any other exit, or any other event.</returns>
    public static bool? IsFault(EventCursor e)
    {
        if (!e.Knows(Reason))
        {
            return false;
        }

        bool? vmx = e.Knows(Isa) ? e[Isa] == Vmx ? true : e[Isa] == Svm ? false : null : null;
        if (e[Reason] == NestedPageFault && vmx != true)
        {
            return e.Knows(0) && e.Knows(1) ? true : null;
        }

        return (ushort)e[Reason] is (ushort)EptViolation or (ushort)EptMisconfiguration && vmx == true ? null : false;
    }

    /// <summary>Whether an event comes from that source.</summary>
    public static bool IsExit(EventCursor e) => ReferenceEquals(e.Source, s_source);
}
