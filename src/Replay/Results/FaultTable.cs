using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.FaultRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>faults</c>; one object for all rows, filled anew.</summary>
/// <param name="source">The event that tells the faults.</param>
/// <param name="isArm64">The machine is arm64.</param>
/// <param name="clockUnit">What the capture's clock counts.</param>
internal sealed class FaultRow(string traceId, string source, bool isArm64, string clockUnit)
{
    public bool IsArm64 { get; } = isArm64;

    /// <summary>What the capture's clock counts.</summary>
    public string ClockUnit { get; } = clockUnit;

    /// <summary>kvm_exit where the capture has no kvm_page_fault.</summary>
    public string Source { get; } = source;

    public string TraceId { get; } = traceId;

    public ObservedFault Fault;

    /// <summary>By the model of the captured kernel.</summary>
    public PageKind PageKind;
}

/// <summary>The <c>faults</c> table: what the trace shows, without any model's opinion but the page kind.</summary>
internal static class FaultTable
{
    public const string FromPageFault = "kvm_page_fault";
    public const string FromExit = "kvm_exit";
    public const string FromGuestFault = "kvm_guest_fault";

    public static ResultTable<FaultRow> Open(string path) => new(
        path,
        Text("trace_id", row => row.TraceId),
        Number("fault_id", row => row.Fault.FaultId),
        Number("seq", row => row.Fault.Seq),
        Number("ts_ns", row => row.Fault.Time),
        Number("vm", row => row.Fault.Vm),
        NumberOrNull<int>("vcpu", row => row.Fault.Vcpu < 0 ? null : row.Fault.Vcpu),
        Number("pid", row => row.Fault.Pid),
        NumberOrNull<ulong>("gpa", row => row.Fault.IsGpaKnown ? row.Fault.Gpa : null),
        NumberOrNull<ulong>("gfn", row => row.Fault.IsGpaKnown ? row.Fault.Gpa >> 12 : null),
        Text("access", row => Access(row.Fault.Access)),
        Text("kind", row => Kind(in row.Fault, row.IsArm64)),
        Text("observed_outcome", row => row.Fault.Outcome.Name()),
        NumberOrNull<ulong>("observed_pfn", row => row.Fault.HasLeaf ? row.Fault.Pfn : null),
        NumberOrNull<int>("observed_level", row => row.Fault.HasLeaf ? row.Fault.Level : null),
        NumberOrNull<bool>("observed_writable", row => row.Fault.HasLeaf ? SpteLayout.IsWritable(row.Fault.Spte) : null),
        NumberOrNull<long>("latency_ns", row => Latency(row, "ns")),
        NumberOrNull<long>("latency_cycles", row => Latency(row, "cycles")),
        TextOrNull("latency_to", row => To(row.Fault.LatencyTo)),
        Number("as_id", row => row.Fault.AsId),
        NumberOrNull<int>("slot_id", row => row.Fault.SlotId < 0 ? null : row.Fault.SlotId),
        NumberOrNull<ulong>("hva", row => row.Fault.Hva == 0 ? null : row.Fault.Hva),
        TextOrNull("page_kind", row => row.PageKind.Key()),
        TextOrNull("observed_by", row => By(row.Fault.By)),
        NumberOrNull<long>("end_seq", row => row.Fault.EndSeq < 0 ? null : row.Fault.EndSeq),
        Text("source", row => row.Source));

    // A time in units that are not the column's is no time.
    private static long? Latency(FaultRow row, string unit) => row.Fault.Latency >= 0 && row.ClockUnit == unit ? row.Fault.Latency : null;

    internal static string? To(LatencyEnd end) => end switch
    {
        LatencyEnd.Return => "return",
        LatencyEnd.Entry => "entry",
        LatencyEnd.Exit => "exit",
        _ => null,
    };

    internal static string Access(FaultAccess access) =>
        (access & FaultAccess.Exec) != 0 ? "x" : (access & FaultAccess.Write) != 0 ? "w" : "r";

    private static string Kind(in ObservedFault fault, bool isArm64) =>
        fault.Nested ? FaultKinds.Nested
        : isArm64 ? FaultKinds.Arm64
        : fault.Shadow ? FaultKinds.Shadow
        : fault.GuestMemfd ? FaultKinds.GuestMemfd
        : (fault.Access & FaultAccess.Reserved) != 0 || (fault.Outcome == FaultOutcome.Emulate && fault.SlotId < 0) ? FaultKinds.Mmio
        : FaultKinds.Tdp;

    internal static string? By(ObservedBy by) => by switch
    {
        ObservedBy.HandlerReturn => "handler return (probe)",
        ObservedBy.UserspaceExit => "kvm_userspace_exit",
        ObservedBy.FastPageFault => "fast_page_fault",
        ObservedBy.SetSpte => "kvm_mmu_set_spte",
        ObservedBy.Mmio => "MMIO events",
        ObservedBy.Entry => "kvm_entry (inferred)",
        ObservedBy.NextFault => "the vCPU's next fault (inferred)",
        _ => null,
    };
}
