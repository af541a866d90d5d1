using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Results;

/// <summary>The <c>faults</c> table: what the trace shows, without any model's opinion but the page kind.</summary>
internal sealed class FaultTable : ResultTable
{
    private readonly string _trace;
    private readonly StringColumn _traceId;
    private readonly Column<long> _faultId;
    private readonly Column<long> _seq;
    private readonly Column<long> _ts;
    private readonly Column<int> _vm;
    private readonly Column<int> _vcpu;
    private readonly Column<int> _pid;
    private readonly Column<ulong> _gpa;
    private readonly Column<ulong> _gfn;
    private readonly StringColumn _access;
    private readonly StringColumn _kind;
    private readonly StringColumn _outcome;
    private readonly Column<ulong> _pfn;
    private readonly Column<int> _level;
    private readonly Column<bool> _writable;
    private readonly Column<long> _latency;
    private readonly Column<int> _asId;
    private readonly Column<int> _slotId;
    private readonly Column<ulong> _hva;
    private readonly StringColumn _pageKind;
    private readonly StringColumn _observedBy;
    private readonly Column<bool> _orderAmbiguous;
    private readonly Column<long> _endSeq;

    public FaultTable(string path, string traceId)
        : base(path)
    {
        _trace = traceId;
        _traceId = Text("trace_id");
        _faultId = Number<long>("fault_id");
        _seq = Number<long>("seq");
        _ts = Number<long>("ts_ns");
        _vm = Number<int>("vm");
        _vcpu = Number<int>("vcpu", nullable: true);
        _pid = Number<int>("pid");
        _gpa = Number<ulong>("gpa");
        _gfn = Number<ulong>("gfn");
        _access = Text("access");
        _kind = Text("kind");
        _outcome = Text("observed_outcome");
        _pfn = Number<ulong>("observed_pfn", nullable: true);
        _level = Number<int>("observed_level", nullable: true);
        _writable = Number<bool>("observed_writable", nullable: true);
        _latency = Number<long>("latency_ns", nullable: true);
        _asId = Number<int>("as_id");
        _slotId = Number<int>("slot_id", nullable: true);
        _hva = Number<ulong>("hva", nullable: true);
        _pageKind = Text("page_kind", nullable: true);
        _observedBy = Text("observed_by", nullable: true);
        _orderAmbiguous = Number<bool>("order_ambiguous");
        _endSeq = Number<long>("end_seq", nullable: true);
    }

    public void Add(in ObservedFault fault, PageKind pageKind)
    {
        _traceId.Add(_trace);
        _faultId.Add(fault.FaultId);
        _seq.Add(fault.Seq);
        _ts.Add(fault.Time);
        _vm.Add(fault.Vm);
        _vcpu.Add(fault.Vcpu < 0 ? null : fault.Vcpu);
        _pid.Add(fault.Pid);
        _gpa.Add(fault.Gpa);
        _gfn.Add(fault.Gpa >> 12);
        _access.Add(Access(fault.Access));
        _kind.Add(Kind(in fault));
        _outcome.Add(fault.Outcome.Name());
        _pfn.Add(fault.HasLeaf ? fault.Pfn : null);
        _level.Add(fault.HasLeaf ? fault.Level : null);
        _writable.Add(fault.HasLeaf ? SpteLayout.IsWritable(fault.Spte) : null);
        _latency.Add(fault.Latency < 0 ? null : fault.Latency);
        _asId.Add(fault.AsId);
        _slotId.Add(fault.SlotId < 0 ? null : fault.SlotId);
        _hva.Add(fault.Hva == 0 ? null : fault.Hva);
        _pageKind.Add(pageKind.Key());
        _observedBy.Add(By(fault.By));
        _orderAmbiguous.Add(fault.OrderAmbiguous);
        _endSeq.Add(fault.EndSeq < 0 ? null : fault.EndSeq);
        EndRow();
    }

    private static string Access(FaultAccess access) =>
        (access & FaultAccess.Exec) != 0 ? "x" : (access & FaultAccess.Write) != 0 ? "w" : "r";

    private static string Kind(in ObservedFault fault) =>
        fault.Shadow ? "shadow" : (fault.Access & FaultAccess.Reserved) != 0 || fault.Outcome == FaultOutcome.Emulate && fault.SlotId < 0 ? "mmio" : "tdp";

    private static string? By(ObservedBy by) => by switch
    {
        ObservedBy.HandlerReturn => "handler return (probe)",
        ObservedBy.UserspaceExit => "kvm_userspace_exit",
        ObservedBy.FastPageFault => "fast_page_fault",
        ObservedBy.SetSpte => "kvm_mmu_set_spte",
        ObservedBy.Mmio => "MMIO events",
        ObservedBy.Entry => "kvm_entry (inferred)",
        _ => null,
    };
}
