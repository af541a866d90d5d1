using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Results;

/// <summary>The <c>outcomes</c> table: what each model does with each fault.</summary>
internal sealed class OutcomeTable : ResultTable
{
    private readonly string _trace;
    private readonly StringColumn _traceId;
    private readonly Column<long> _faultId;
    private readonly StringColumn _model;
    private readonly StringColumn _setting;
    private readonly StringColumn _outcome;
    private readonly Column<ulong> _pfn;
    private readonly Column<int> _level;
    private readonly Column<bool> _writable;
    private readonly Column<int> _refsGot;
    private readonly Column<int> _refsPut;
    private readonly Column<int> _accessed;
    private readonly Column<int> _dirty;
    private readonly StringColumn _retryCause;
    private readonly StringColumn _pageKind;
    private readonly StringColumn _path;
    private readonly StringColumn _certainty;
    private readonly StringColumn _reason;

    public OutcomeTable(string path, string traceId)
        : base(path)
    {
        _trace = traceId;
        _traceId = Text("trace_id");
        _faultId = Number<long>("fault_id");
        _model = Text("model");
        _setting = Text("setting");
        _outcome = Text("outcome");
        _pfn = Number<ulong>("pfn", nullable: true);
        _level = Number<int>("level", nullable: true);
        _writable = Number<bool>("writable", nullable: true);
        _refsGot = Number<int>("refs_got");
        _refsPut = Number<int>("refs_put");
        _accessed = Number<int>("marked_accessed");
        _dirty = Number<int>("marked_dirty");
        _retryCause = Text("retry_cause", nullable: true);
        _pageKind = Text("page_kind", nullable: true);
        _path = Text("path", nullable: true);
        _certainty = Text("certainty");
        _reason = Text("reason", nullable: true);
    }

    public void Add(IFaultModel model, in FaultResult result)
    {
        FaultContext fault = result.Fault;
        bool mapped = IsMapped(fault.Outcome);
        _traceId.Add(_trace);
        _faultId.Add(result.FaultId);
        _model.Add(model.Name);
        _setting.Add(model.Settings.Name);
        _outcome.Add(fault.Outcome.Name());
        _pfn.Add(mapped ? fault.Pfn : null);
        _level.Add(mapped ? fault.Level : null);
        _writable.Add(mapped ? fault.Writable : null);
        _refsGot.Add(fault.RefsGot);
        _refsPut.Add(fault.RefsPut);
        _accessed.Add(fault.MarkedAccessed);
        _dirty.Add(fault.MarkedDirty);
        _retryCause.Add(Cause(fault.RetryCause));
        _pageKind.Add(fault.Kind.Key());
        _path.Add(Path(fault.Path));
        _certainty.Add(Certain(fault.Certainty));
        _reason.Add(fault.Reason);
        EndRow();
    }

    public static bool IsMapped(FaultOutcome outcome) => outcome is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious;

    public static string? Cause(RetryCause cause) => cause switch
    {
        RetryCause.PrecheckBeforeLookup => "window open before the lookup",
        RetryCause.PrecheckAfterLookup => "window open or seq moved after the lookup",
        RetryCause.WindowOpen => "window open under mmu_lock",
        RetryCause.SeqMoved => "seq moved under mmu_lock",
        RetryCause.SlotInvalid => "memslot INVALID",
        RetryCause.RootObsolete => "root obsolete",
        RetryCause.Async => "async page fault",
        RetryCause.Poison => "poisoned page",
        _ => null,
    };

    private static string? Path(FaultPath path) => path switch
    {
        FaultPath.Fast => "fast",
        FaultPath.GupFast => "gup_fast",
        FaultPath.GupSlow => "gup_slow",
        FaultPath.Remapped => "remapped",
        FaultPath.NoSlot => "noslot",
        FaultPath.MmioCached => "mmio_cached",
        _ => null,
    };

    private static string Certain(Certainty certainty) => certainty switch
    {
        Certainty.Known => "known",
        Certainty.Inferred => "inferred",
        _ => "assumed",
    };
}
