using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Results;

/// <summary>The <c>faults</c> table: what the trace shows, without any model's opinion but the page kind. Filled as <see cref="OutcomeTable"/> is.</summary>
internal sealed class FaultTable : IResultTable
{
    public const string FromPageFault = "kvm_page_fault";
    public const string FromExit = "kvm_exit";
    public const string FromGuestFault = "kvm_guest_fault";

    private static readonly string[] s_kinds = [FaultKinds.Nested, FaultKinds.Arm64, FaultKinds.Shadow, FaultKinds.GuestMemfd, FaultKinds.Mmio, FaultKinds.Tdp];

    private readonly TableWriter _writer;
    private readonly bool _isArm64;
    private readonly bool _inNanoseconds;
    private readonly bool _inCycles;
    private readonly SameTextColumn _traceId;
    private readonly Column<long> _faultId = new("fault_id");
    private readonly Column<long> _seq = new("seq");
    private readonly Column<long> _time = new("ts_ns");
    private readonly Column<int> _vm = new("vm");
    private readonly Column<int> _vcpu = new("vcpu", nullable: true);
    private readonly Column<int> _pid = new("pid");
    private readonly Column<ulong> _gpa = new("gpa", nullable: true);
    private readonly Column<ulong> _gfn = new("gfn", nullable: true);
    private readonly WordColumn _access = new("access", nullable: false, code => Access((FaultAccess)code));
    private readonly WordColumn _kind = new("kind", nullable: false, code => s_kinds[code]);
    private readonly WordColumn _outcome = new("observed_outcome", nullable: false, code => ((FaultOutcome)code).Name());
    private readonly Column<ulong> _pfn = new("observed_pfn", nullable: true);
    private readonly Column<int> _level = new("observed_level", nullable: true);
    private readonly Column<bool> _writable = new("observed_writable", nullable: true);
    private readonly Column<long> _nanoseconds = new("latency_ns", nullable: true);
    private readonly Column<long> _cycles = new("latency_cycles", nullable: true);
    private readonly WordColumn _latencyTo = new("latency_to", nullable: true, code => To((LatencyEnd)code));
    private readonly Column<int> _asId = new("as_id");
    private readonly Column<int> _slotId = new("slot_id", nullable: true);
    private readonly Column<ulong> _hva = new("hva", nullable: true);
    private readonly WordColumn _pageKind = new("page_kind", nullable: true, code => ((PageKind)code).Key());
    private readonly WordColumn _by = new("observed_by", nullable: true, code => By((ObservedBy)code));
    private readonly Column<long> _endSeq = new("end_seq", nullable: true);
    private readonly SameTextColumn _source;

    /// <param name="source">The event that tells the faults: kvm_exit where the capture has no kvm_page_fault.</param>
    /// <param name="isArm64">The machine is arm64.</param>
    /// <param name="clockUnit">What the capture's clock counts.</param>
    public FaultTable(string path, string traceId, string source, bool isArm64, string clockUnit)
    {
        _isArm64 = isArm64;

        // A time in units that are not the column's is no time.
        (_inNanoseconds, _inCycles) = (clockUnit == "ns", clockUnit == "cycles");
        _traceId = new SameTextColumn("trace_id", traceId);
        _source = new SameTextColumn("source", source);
        _writer = new TableWriter(
            path,
            [
                _traceId, _faultId, _seq, _time, _vm, _vcpu, _pid, _gpa, _gfn, _access, _kind, _outcome, _pfn, _level, _writable, _nanoseconds, _cycles,
                _latencyTo, _asId, _slotId, _hva, _pageKind, _by, _endSeq, _source,
            ]);
    }

    /// <param name="pageKind">By the model of the captured kernel.</param>
    public void Add(in ObservedFault fault, PageKind pageKind)
    {
        _traceId.Add();
        _faultId.Add(fault.FaultId);
        _seq.Add(fault.Seq);
        _time.Add(fault.Time);
        _vm.Add(fault.Vm);
        _vcpu.Add(fault.Vcpu, fault.Vcpu >= 0);
        _pid.Add(fault.Pid);
        _gpa.Add(fault.Gpa, fault.IsGpaKnown);
        _gfn.Add(fault.Gpa >> 12, fault.IsGpaKnown);
        _access.Add((int)fault.Access);
        _kind.Add(Kind(in fault));
        _outcome.Add((int)fault.Outcome);
        _pfn.Add(fault.Pfn, fault.HasLeaf);
        _level.Add(fault.Level, fault.HasLeaf);
        _writable.Add(SpteLayout.IsWritable(fault.Spte), fault.HasLeaf);
        _nanoseconds.Add(fault.Latency, _inNanoseconds && fault.Latency >= 0);
        _cycles.Add(fault.Latency, _inCycles && fault.Latency >= 0);
        _latencyTo.Add((int)fault.LatencyTo);
        _asId.Add(fault.AsId);
        _slotId.Add(fault.SlotId, fault.SlotId >= 0);
        _hva.Add(fault.Hva, fault.Hva != 0);
        _pageKind.Add((int)pageKind);
        _by.Add((int)fault.By);
        _endSeq.Add(fault.EndSeq, fault.EndSeq >= 0);
        _source.Add();
        _writer.EndRow();
    }

    public void Seal(List<SealedFile> files) => files.Add(_writer.Seal());

    public void Dispose() => _writer.Dispose();

    internal static string? To(LatencyEnd end) => end switch
    {
        LatencyEnd.Return => "return",
        LatencyEnd.Entry => "entry",
        LatencyEnd.Exit => "exit",
        _ => null,
    };

    internal static string Access(FaultAccess access) =>
        (access & FaultAccess.Exec) != 0 ? "x" : (access & FaultAccess.Write) != 0 ? "w" : "r";

    /// <summary>A place in <see cref="s_kinds"/>.</summary>
    private int Kind(in ObservedFault fault) =>
        fault.Nested ? 0
        : _isArm64 ? 1
        : fault.Shadow ? 2
        : fault.GuestMemfd ? 3
        : (fault.Access & FaultAccess.Reserved) != 0 || (fault.Outcome == FaultOutcome.Emulate && fault.SlotId < 0) ? 4
        : 5;

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
