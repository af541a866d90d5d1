using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>
/// Which vCPU a thread runs, by its other events: kvm_page_fault of kernels before 6.0 does not say it, and texts may not show it.
/// </summary>
internal sealed class ThreadVcpus
{
    private const string PageFault = "kvm.kvm_page_fault";
    private const string Exit = "kvm.kvm_exit";

    // Both are asked for their vCPU alone.
    private static readonly EventSource[] s_sources =
    [
        new(EventKind.Entry, "kvm.kvm_entry", "vcpu_id?"),
        new(EventKind.SyscallEdge, Exit, "vcpu_id?"),
        new(EventKind.FastPageFault, "kvmmmu.fast_page_fault", "vcpu_id?"),
    ];

    private static readonly EventSource[] s_faults = [new(EventKind.PageFault, PageFault, "vcpu_id?")];

    private const int Several = -2;

    private readonly Dictionary<int, int> _vcpus = [];

    /// <summary>Reads the trace where its faults do not all say their vCPU.</summary>
    public static ThreadVcpus Read(DatasetReader reader, TraceManifest trace)
    {
        ThreadVcpus threads = new();
        if (!IsNeeded(reader, trace))
        {
            return threads;
        }

        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: true, s_sources);
        while (stream.MoveNext())
        {
            EventCursor e = stream.Current;
            if (e.Pid >= 0 && e.Knows(0))
            {
                int vcpu = (int)e[0];
                threads._vcpus[e.Pid] = threads._vcpus.TryGetValue(e.Pid, out int known) && known != vcpu ? Several : vcpu;
            }
        }

        return threads;
    }

    /// <summary>-1 if nothing tells, or if the thread ran several.</summary>
    public int Of(int pid) => _vcpus.TryGetValue(pid, out int vcpu) && vcpu != Several ? vcpu : -1;

    private static bool IsNeeded(DatasetReader reader, TraceManifest trace)
    {
        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: true, s_faults);
        while (stream.MoveNext())
        {
            if (!stream.Current.Knows(0))
            {
                return true;
            }

            if (!stream.Current.MayBeUnknown(0))
            {
                return false;
            }
        }

        return false;
    }
}
