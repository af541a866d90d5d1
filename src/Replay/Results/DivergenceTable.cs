using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Results;

/// <summary>The <c>divergences</c> table: faults in which two models end differently, and why.</summary>
internal sealed class DivergenceTable : ResultTable
{
    private readonly string _trace;
    private readonly StringColumn _traceId;
    private readonly Column<long> _faultId;
    private readonly StringColumn _modelA;
    private readonly StringColumn _modelB;
    private readonly StringColumn _outcomeA;
    private readonly StringColumn _outcomeB;
    private readonly StringColumn _pageKind;
    private readonly StringColumn _cause;

    // A cause is one of few texts; the table would otherwise make one per row.
    private readonly Dictionary<(int, FaultOutcome, int, FaultOutcome, PageKind, string?, string?), string> _causes = [];

    public DivergenceTable(string path, string traceId)
        : base(path)
    {
        _trace = traceId;
        _traceId = Text("trace_id");
        _faultId = Number<long>("fault_id");
        _modelA = Text("model_a");
        _modelB = Text("model_b");
        _outcomeA = Text("outcome_a");
        _outcomeB = Text("outcome_b");
        _pageKind = Text("page_kind", nullable: true);
        _cause = Text("cause");
    }

    public void AddIfDifferent(IReadOnlyList<IFaultModel> models, FaultResult[] results, int a, int b)
    {
        ref readonly FaultContext left = ref results[a].Fault;
        ref readonly FaultContext right = ref results[b].Fault;
        if (left.Outcome == right.Outcome)
        {
            return;
        }

        PageKind kind = left.Kind != PageKind.Unknown ? left.Kind : right.Kind;
        var key = (a, left.Outcome, b, right.Outcome, kind, left.Reason, right.Reason);
        if (!_causes.TryGetValue(key, out string? cause))
        {
            cause = Cause(models[a].Name, in left, models[b].Name, in right, kind);
            _causes.Add(key, cause);
        }

        _traceId.Add(_trace);
        _faultId.Add(results[a].FaultId);
        _modelA.Add(models[a].Name);
        _modelB.Add(models[b].Name);
        _outcomeA.Add(left.Outcome.Name());
        _outcomeB.Add(right.Outcome.Name());
        _pageKind.Add(kind.Key());
        _cause.Add(cause);
        EndRow();
    }

    private static string Cause(string nameA, in FaultContext a, string nameB, in FaultContext b, PageKind kind)
    {
        return $"{kind.Describe()}: {nameA} {Says(in a)}; {nameB} {Says(in b)}";

        static string Says(in FaultContext fault) => fault.Reason is { } reason
            ? $"ends in {fault.Outcome.Name()} ({reason})"
            : fault.Outcome switch
            {
                FaultOutcome.Fixed => "maps it",
                FaultOutcome.Spurious or FaultOutcome.FixedFast => "has it mapped already, the fault would not have come",
                FaultOutcome.Retry => $"retries ({OutcomeTable.Cause(fault.RetryCause)})",
                _ => $"ends in {fault.Outcome.Name()}",
            };
    }
}
