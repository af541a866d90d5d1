using TraceReplay.Replay.Vocabularies;

namespace TraceReplay.Analysis.Views.Dictionary;

/// <summary>Tables that ingest writes.</summary>
internal static class CaptureTexts
{
    private static readonly Vocabulary s_formats = new("format", "the formats of captures, recognised by content",
    [
        new("trace.dat", "what trace-cmd record writes, versions 6 and 7"),
        new("perf.data", "what perf record writes, to a file, a pipe or a directory"),
        new("nettrace", "EventPipe's format, versions 4 to 6"),
        new("ftrace text", "the text of tracefs's trace and trace_pipe, or of trace-cmd report"),
        new("perf script text", "what perf script prints"),
    ]);

    private static readonly Vocabulary s_vendors = new("cpu_vendor", "vendors of x86 CPUs, as far as KVM is concerned",
    [
        new("amd", "AMD, and Hygon: SVM with NPT"),
        new("intel", "Intel: VMX with EPT"),
    ]);

    private static readonly Vocabulary s_clockUnits = new("clock_unit", "what a capture's clock counts",
    [
        new("ns", "nanoseconds"),
        new("cycles", "ticks of the CPU's counter (x86-tsc) whose rate the capture does not tell"),
        new("events", "events (clock counter)"),
        new("ticks", "jiffies (clock uptime)"),
        new("units", "a text has times without a decimal point and does not say what they count"),
    ]);

    public static IReadOnlyList<TableText> All { get; } =
    [
        new(Tables.Traces, "one capture that is in the dataset whole; what has no row here is hidden from every view",
        [
            Units.TraceId,
            new("path", "the capture as it was named when it was ingested; - for standard input"),
            new("sha256", "SHA-256 of the unpacked content, 64 hex digits"),
            new("format", "the capture's format", Values: s_formats),
            new("host", "the machine that was captured: --host, else what the capture says, else unknown"),
            new("date", "the day of the capture: --date, else what the capture says, else the file's own time"),
            new("kernel", "release of the captured kernel, as uname -r prints it", Null: "the capture does not name it, nor did --kernel: nothing is compared with what the kernel did"),
            new("arch", "machine of the captured kernel, as uname -m prints it", Null: "the capture does not say it"),
            new("cpu_vendor", "vendor of the CPU, by the capture's header, its symbols or the exits that it names", Null: "not an x86 machine, or nothing tells", Values: s_vendors),
            new("clock", "name of the trace clock: local, global, mono, x86-tsc or another", Null: "the capture does not name it"),
            new("clock_unit", "what the clock counts; columns named _ns hold this where the table does not say otherwise", Values: s_clockUnits),
            new("cpus", "CPUs of the captured machine that the capture has buffers for"),
            new("start_ns", "time of the first event", Units.Clock, "there is no event"),
            new("end_ns", "time of the last event", Units.Clock, "there is no event"),
            new("events", "events in the dataset", "records"),
            new("lost", "records that the recorder lost; a hole of unknown size counts as one", "records"),
            new("complete", "false where the capture was damaged or parts were passed over; warnings says how"),
            new("warnings", "what ingest has to say of the capture, one sentence each"),
            new("scenario", "what ran in it: a marker's word (`scenario NAME`), else --scenario, else the file's name without endings and kernel version; the file's name too where it goes on behind the marker's (ttm.npt0 of ttm)"),
        ]),
        new(Tables.LostEvents, "one hole in the records of a CPU",
        [
            Units.TraceId,
            new("cpu", "the CPU whose buffer lost records", Null: "the recording does not say which"),
            new("after_seq", "position of the last event before the hole (seq)", Null: "the hole is before the first event"),
            new("ts_ns", "when the hole was noticed", Units.Clock, "the recording has no time for it"),
            new("count", "records lost", "records", "the kernel did not say how many"),
            new("instance", "buffer instance of ftrace; the top one is the empty string"),
        ]),
        new(Tables.ProbeSites, "one function, or one address, at which a dynamic event of the capture sits",
        [
            Units.TraceId,
            new("event", "the event, as SYSTEM.EVENT"),
            new("function", "the kernel function that is probed", Null: "no symbol is recorded for the address"),
            new("is_return", "the probe sits at the function's return"),
            new("address", "address of the probe in the kernel", Units.ByteAddress, "the capture names the function only"),
        ]),
        new(Tables.HostMaps, "one mapping of the VMM, from a maps or smaps file beside the capture",
        [
            Units.TraceId,
            new("file", "base name of that file"),
            new("start_hva", "first byte, in the VMM's address space", Units.ByteAddress),
            new("end_hva", "byte behind the last", Units.ByteAddress),
            new("permissions", "rwx and p (private) or s (shared), as /proc/PID/maps has them"),
            new("name", "file or pseudo-path of the mapping; empty for anonymous memory"),
            new("pfnmap", "VM_PFNMAP, smaps flag pf", Null: "a maps file does not tell it"),
            new("io", "VM_IO, smaps flag io", Null: "a maps file does not tell it"),
        ]),
        new(Tables.EventCounts, "one event of one capture",
        [
            Units.TraceId,
            new("system", "the event's system: kvm, kvmmmu, kmem, syscalls, a group of dynamic events or another"),
            new("event", "the event's name in that system"),
            new("records", "how often it is in the capture", "records"),
        ]),
    ];
}
