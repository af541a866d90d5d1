using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Analysis.Cost.TracedRow>;

namespace TraceReplay.Analysis.Cost;

/// <summary>A row of <c>cost_traced</c>: what the real kernel took, in units of the trace's clock.</summary>
/// <param name="Quantity">fault, window, notifier_call, zap or function.</param>
/// <param name="Path">Of a fault: its path, by the captured kernel's model; of a function: its name or address.</param>
/// <param name="Outcome">Of a fault: what the trace shows; of a notifier call: whether it zapped.</param>
/// <param name="PageKind">Of a fault.</param>
/// <param name="Sample">The times.</param>
/// <param name="ProbeRecords">Probe records within one fault, on average; null where it was not asked.</param>
public sealed record TracedRow(string Quantity, string? Path, string? Outcome, string? PageKind, Sample Sample, double? ProbeRecords);

/// <summary>Latencies of one trace.</summary>
internal static class TracedCost
{
    // A leaf's end is on its line in a text; in a trace.dat each function has an exit record.
    private const string Functions = """
        SELECT coalesce(name, printf('0x%x', func)), duration FROM (
            SELECT e.func AS func, e.function AS name, e.duration_ns AS duration FROM entries e WHERE e.duration_ns IS NOT NULL
            UNION ALL
            SELECT coalesce(x.func, e.func), coalesce(x.function, e.function), coalesce(x.duration_ns, (x.rettime - x.calltime)::BIGINT)
            FROM exits x ASOF LEFT JOIN entries e ON x.pid = e.pid AND x.depth = e.depth AND x.seq > e.seq)
        WHERE duration IS NOT NULL AND coalesce(name, printf('0x%x', func)) IS NOT NULL
        """;

    public static List<TracedRow> Of(CostPassResult pass)
    {
        List<TracedRow> rows = [];
        var groups = pass.Cells.GroupBy(cell => (cell.Path, cell.Observed, cell.Kind))
            .OrderBy(group => group.Key.Path).ThenBy(group => group.Key.Observed).ThenBy(group => group.Key.Kind);
        foreach (var group in groups)
        {
            List<long> latencies = [.. group.SelectMany(cell => cell.Latencies)];
            if (latencies.Count > 0)
            {
                double probes = (double)group.Sum(cell => cell.Probes) / group.Sum(cell => cell.Faults);
                rows.Add(new TracedRow(TracedWords.Fault, OutcomeTable.Path(group.Key.Path), group.Key.Observed.Name(), group.Key.Kind.Key(), Sample.Of(latencies), probes));
            }
        }

        Add(TracedWords.Window, null, pass.Windows);
        Add(TracedWords.NotifierCall, TracedWords.NoneZapped, pass.IdleCalls);
        Add(TracedWords.NotifierCall, TracedWords.Zapped, pass.ZappingCalls);
        Add(TracedWords.NotifierCall, TracedWords.NotRecorded, pass.UntoldCalls);
        Add(TracedWords.Zap, null, pass.Zaps);
        return rows;

        void Add(string quantity, string? outcome, IReadOnlyList<long> times)
        {
            if (times.Count > 0)
            {
                rows.Add(new TracedRow(quantity, null, outcome, null, Sample.Of(times), null));
            }
        }
    }

    /// <summary>Durations that the function-graph tracer recorded, as a text or in a trace.dat.</summary>
    public static List<TracedRow> OfFunctions(DatasetSession session, string traceId)
    {
        if (!session.ViewNames.Contains("funcgraph_entry") || !session.ViewNames.Contains("funcgraph_exit"))
        {
            return [];
        }

        string sql = $"WITH entries AS ({With(session, "funcgraph_entry")}), exits AS ({With(session, "funcgraph_exit")}) {Functions}";
        return [.. session.Select(sql, row => (Function: row.GetString(0), Duration: row.GetInt64(1)), ("trace", traceId))
            .GroupBy(row => row.Function, row => row.Duration).OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => new TracedRow(TracedWords.Function, group.Key, null, null, Sample.Of(group), null))];
    }

    public static SealedFile Write(string path, string traceId, string unit, long? lost, IReadOnlyList<TracedRow> rows)
    {
        using ResultTable<TracedRow> table = new(
            path,
            Text("trace_id", _ => traceId),
            Text("quantity", row => row.Quantity),
            TextOrNull("path", row => row.Path),
            TextOrNull("outcome", row => row.Outcome),
            TextOrNull("page_kind", row => row.PageKind),
            Number("n", row => row.Sample.N),
            Number("p50", row => row.Sample.P50),
            Number("p90", row => row.Sample.P90),
            Number("p99", row => row.Sample.P99),
            Number("max", row => row.Sample.Max),
            Number("mean", row => row.Sample.Mean),
            Text("unit", _ => unit),
            NumberOrNull("probe_records", row => row.ProbeRecords),
            NumberOrNull("lost", _ => lost));
        foreach (TracedRow row in rows)
        {
            table.Add(row);
        }

        return table.Seal();
    }

    /// <summary>The view with all columns that the two forms of the record have.</summary>
    private static string With(DatasetSession session, string view) =>
        $"SELECT trace_id, seq, pid, depth, func, function, duration_ns, calltime, rettime FROM (SELECT NULL::VARCHAR AS trace_id, NULL::BIGINT AS seq, NULL::INTEGER AS pid, NULL::INTEGER AS depth, NULL::UBIGINT AS func, NULL::VARCHAR AS function, NULL::UBIGINT AS duration_ns, NULL::UBIGINT AS calltime, NULL::UBIGINT AS rettime WHERE false UNION ALL BY NAME FROM {view}) WHERE trace_id = $trace";
}
