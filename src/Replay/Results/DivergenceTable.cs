using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.DivergenceRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>divergences</c>; one object for all rows, filled anew.</summary>
internal sealed class DivergenceRow(string traceId)
{
    public string TraceId { get; } = traceId;

    public long FaultId;
    public string ModelA = "";
    public string ModelB = "";
    public FaultOutcome OutcomeA;
    public FaultOutcome OutcomeB;
    public PageKind PageKind;
    public string Cause = "";
}

/// <summary>The <c>divergences</c> table: faults that two models end differently, and why. A model that does not know how a fault ends diverges from none.</summary>
internal sealed class DivergenceTable : IResultTable
{
    private readonly DivergenceRow _row;
    private readonly ResultTable<DivergenceRow> _table;

    // A cause is one of few texts; the table would otherwise make one per row.
    private readonly Dictionary<(int, FaultOutcome, int, FaultOutcome, PageKind, FaultReason, FaultReason), string> _causes = [];

    public DivergenceTable(string path, string traceId)
    {
        _row = new DivergenceRow(traceId);
        _table = new ResultTable<DivergenceRow>(
            path,
            Text("trace_id", row => row.TraceId),
            Number("fault_id", row => row.FaultId),
            Text("model_a", row => row.ModelA),
            Text("model_b", row => row.ModelB),
            Text("outcome_a", row => row.OutcomeA.Name()),
            Text("outcome_b", row => row.OutcomeB.Name()),
            TextOrNull("page_kind", row => row.PageKind.Key()),
            Text("cause", row => row.Cause));
    }

    public long Rows { get; private set; }

    public void AddIfDifferent(IReadOnlyList<IFaultModel> models, FaultResult[] results, int a, int b)
    {
        ref readonly FaultContext left = ref results[a].Fault;
        ref readonly FaultContext right = ref results[b].Fault;
        // Sets that share an outcome do not show a difference.
        if ((left.Outcomes & right.Outcomes) != 0 || ((left.Outcomes | right.Outcomes) & (1 << (int)FaultOutcome.Unknown)) != 0)
        {
            return;
        }

        PageKind kind = left.Kind != PageKind.Unknown ? left.Kind : right.Kind;
        var key = (a, left.Outcome, b, right.Outcome, kind, left.Reason, right.Reason);
        if (!_causes.TryGetValue(key, out string? cause))
        {
            cause = $"{kind.Describe()}: {models[a].Name} {Says(in left)}; {models[b].Name} {Says(in right)}";
            _causes.Add(key, cause);
        }

        _row.FaultId = results[a].FaultId;
        _row.ModelA = models[a].Name;
        _row.ModelB = models[b].Name;
        _row.OutcomeA = left.Outcome;
        _row.OutcomeB = right.Outcome;
        _row.PageKind = kind;
        _row.Cause = cause;
        _table.Add(_row);
        Rows++;
    }

    public void Seal(List<SealedFile> files) => _table.Seal(files);

    public void Dispose() => _table.Dispose();

    private static string Says(in FaultContext fault) => fault.Reason.Text() is { } reason
        ? $"ends in {fault.Outcome.Name()} ({reason})"
        : fault.Outcome switch
        {
            FaultOutcome.Fixed => "maps it",
            FaultOutcome.Spurious or FaultOutcome.FixedFast => "has it mapped already, the fault would not have come",
            FaultOutcome.Retry => $"retries ({OutcomeTable.Cause(fault.RetryCause)})",
            _ => $"ends in {fault.Outcome.Name()}",
        };
}
