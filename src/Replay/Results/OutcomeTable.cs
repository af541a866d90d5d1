using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Results;

/// <summary>
/// The <c>outcomes</c> table: what each model does with each fault. A row for each of millions: columns are filled one after the other,
/// without a call through a delegate for each value.
/// </summary>
internal sealed class OutcomeTable : IResultTable
{
    private const int None = 0;

    private readonly TableWriter _writer;
    private readonly SameTextColumn _traceId;
    private readonly Column<long> _faultId = new("fault_id");
    private readonly WordColumn _model;
    private readonly WordColumn _setting;
    private readonly WordColumn _outcome = new("outcome", nullable: true, code => code == None ? null : ((FaultOutcome)(code - 1)).Name());
    private readonly WordColumn _outcomes = new("outcomes", nullable: false, code => Set((ushort)code));
    private readonly Column<bool> _readOff = new("read_off");
    private readonly Column<ulong> _pfn = new("pfn", nullable: true);
    private readonly Column<int> _level = new("level", nullable: true);
    private readonly Column<bool> _writable = new("writable", nullable: true);
    private readonly Column<int> _refsGot = new("refs_got");
    private readonly Column<int> _refsPut = new("refs_put");
    private readonly Column<int> _markedAccessed = new("marked_accessed");
    private readonly Column<int> _markedDirty = new("marked_dirty");
    private readonly WordColumn _retryCause = new("retry_cause", nullable: true, code => Cause((RetryCause)code));
    private readonly WordColumn _pageKind = new("page_kind", nullable: true, code => ((PageKind)code).Key());
    private readonly WordColumn _path = new("path", nullable: true, code => Path((FaultPath)code));
    private readonly WordColumn _certainty = new("certainty", nullable: false, code => Certain((Certainty)code));
    private readonly WordColumn _reason = new("reason", nullable: true, code => ((FaultReason)code).Text());

    public OutcomeTable(string path, string traceId, IReadOnlyList<IFaultModel> models)
    {
        _traceId = new SameTextColumn("trace_id", traceId);
        _model = new WordColumn("model", nullable: false, model => models[model].Name);
        _setting = new WordColumn("setting", nullable: false, model => models[model].Settings.Name);
        _writer = new TableWriter(
            path,
            [
                _traceId, _faultId, _model, _setting, _outcome, _outcomes, _readOff, _pfn, _level, _writable, _refsGot, _refsPut, _markedAccessed,
                _markedDirty, _retryCause, _pageKind, _path, _certainty, _reason,
            ]);
    }

    /// <param name="model">Its place among the models.</param>
    public void Add(int model, in FaultResult result)
    {
        ref readonly FaultContext fault = ref result.Fault;
        bool mapped = IsMapped(fault.Outcome);
        _traceId.Add();
        _faultId.Add(result.FaultId);
        _model.Add(model);
        _setting.Add(model);
        _outcome.Add(fault.IsSet ? None : (int)fault.Outcome + 1);
        _outcomes.Add(fault.Outcomes);
        _readOff.Add(fault.ReadOff);
        _pfn.Add(fault.Pfn, mapped && !SpecialPfn.IsMadeUp(fault.Pfn));
        _level.Add(fault.Level, mapped);
        _writable.Add(fault.Writable, mapped);
        _refsGot.Add(fault.RefsGot);
        _refsPut.Add(fault.RefsPut);
        _markedAccessed.Add(fault.MarkedAccessed);
        _markedDirty.Add(fault.MarkedDirty);
        _retryCause.Add((int)fault.RetryCause);
        _pageKind.Add((int)fault.Kind);
        _path.Add((int)fault.Path);
        _certainty.Add((int)fault.Certainty);
        _reason.Add((int)fault.Reason);
        _writer.EndRow();
    }

    public void Seal(List<SealedFile> files) => files.Add(_writer.Seal());

    public void Dispose() => _writer.Dispose();

    public static bool IsMapped(FaultOutcome outcome) => outcome is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious;

    // By the set's bits: a lock for each of a million rows costs more than making a text twice.
    private static readonly string?[] s_sets = new string?[1 << Enum.GetValues<FaultOutcome>().Length];

    /// <summary>A set of outcomes, in the order of the vocabulary.</summary>
    public static string Set(ushort outcomes) => s_sets[outcomes] ??= MakeSet(outcomes);

    private static string MakeSet(ushort outcomes) =>
        string.Join('|', Enum.GetValues<FaultOutcome>().Where(outcome => (outcomes & (1 << (int)outcome)) != 0).Select(outcome => outcome.Name()));

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
        RetryCause.LostRace => "another task changed the entry first",
        RetryCause.LeafThere => "the page is mapped already",
        RetryCause.LeafGone => "the leaf that the access met is gone",
        _ => null,
    };

    public static string? Path(FaultPath path) => path switch
    {
        FaultPath.Fast => "fast",
        FaultPath.GupFast => "gup_fast",
        FaultPath.GupSlow => "gup_slow",
        FaultPath.Remapped => "remapped",
        FaultPath.NoSlot => "noslot",
        FaultPath.MmioCached => "mmio_cached",
        FaultPath.GuestMemfd => "guest_memfd",
        FaultPath.AccessFlag => "access_flag",
        _ => null,
    };

    public static string Certain(Certainty certainty) => certainty switch
    {
        Certainty.Known => "known",
        Certainty.Inferred => "inferred",
        _ => "assumed",
    };
}
