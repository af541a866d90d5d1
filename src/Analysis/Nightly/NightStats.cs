using System.Text;
using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// The few numbers of each capture that nights are compared by, as the table <c>night_stats</c>: a later night reads these and not the
/// events of the earlier ones.
/// </summary>
internal static class NightStats
{
    public const string Table = "night_stats";

    // Shares are of the capture's faults, infidelity's of what fidelity covers; what it does not cover is a metric of its own, or
    // captures that tell less would look better. A kind (of divergence, violation, infidelity) is a key of its own, so that one which no
    // earlier night had can be told.
    internal const string DivergenceKey = "(model_a || ' ' || outcome_a || ', ' || model_b || ' ' || outcome_b || coalesce(' on ' || page_kind, ''))";
    internal const string ViolationKey = "(model || ' ' || invariant || ' ' || name)";

    internal const string Select = $$"""
        WITH n AS (SELECT trace_id, count(*) AS faults FROM faults WHERE trace_id IN (SELECT trace_id FROM pending) GROUP BY ALL),
        outcome AS (
            SELECT trace_id, observed_outcome AS key, count(*) AS hits FROM faults WHERE trace_id IN (SELECT trace_id FROM pending) GROUP BY ALL),
        divergence AS (
            SELECT trace_id, {{DivergenceKey}} AS key, count(*) AS hits
            FROM divergences WHERE trace_id IN (SELECT trace_id FROM pending) GROUP BY ALL),
        violation AS (
            SELECT trace_id, {{ViolationKey}} AS key, count(*) AS hits
            FROM violations WHERE verdict = 'violated' AND trace_id IN (SELECT trace_id FROM pending) GROUP BY ALL),
        latency AS (
            SELECT trace_id, unit, unnest(['p50', 'p90', 'p99']) AS key, unnest(quantile_cont(latency, [0.5, 0.9, 0.99])) AS value, count(latency) AS n
            FROM (SELECT f.trace_id, t.clock_unit AS unit, coalesce(latency_ns, latency_cycles) AS latency FROM faults f JOIN traces t USING (trace_id))
            WHERE latency > 0 AND trace_id IN (SELECT trace_id FROM pending) GROUP BY trace_id, unit)
        SELECT trace_id, 'faults' AS metric, 'count' AS key, faults::DOUBLE AS value, faults AS n FROM n
        UNION ALL SELECT trace_id, 'outcome', key, hits / faults, faults FROM outcome JOIN n USING (trace_id)
        UNION ALL SELECT trace_id, 'divergence', key, hits / faults, faults FROM divergence JOIN n USING (trace_id)
        UNION ALL SELECT trace_id, 'violation', key, hits / greatest(coalesce(faults, 0), 1), coalesce(faults, 0) FROM violation LEFT JOIN n USING (trace_id)
        UNION ALL SELECT trace_id, 'latency_' || unit, key, value, n FROM latency
        UNION ALL SELECT trace_id, 'infidelity', model || ' ' || quantity, missed / (matched + in_set + missed), matched + in_set + missed
            FROM fidelity WHERE missed > 0 AND trace_id IN (SELECT trace_id FROM pending)
        UNION ALL SELECT trace_id, 'uncovered', model, (lost + read_off + unknown + unobserved) / total, total
            FROM fidelity WHERE quantity = 'outcome' AND total > 0 AND trace_id IN (SELECT trace_id FROM pending)
        UNION ALL SELECT trace_id, 'lost', 'records', coalesce(lost, 0) / greatest(events + coalesce(lost, 0), 1), events
            FROM traces WHERE trace_id IN (SELECT trace_id FROM pending)
        ORDER BY trace_id, metric, key
        """;

    /// <summary>Makes the rows of every capture of the index that has none yet.</summary>
    /// <returns>Captures done.</returns>
    public static int Complete(string dataset, InboxIndex index, CancellationToken ct)
    {
        List<SeenFile> seen = [.. index.Files.Where(f => f.TraceId is not null)
            .GroupBy(f => f.TraceId)
            .Select(g => g.MinBy(f => f.Relative, StringComparer.Ordinal)!)
            .OrderBy(f => f.TraceId, StringComparer.Ordinal)];
        using DatasetSession session = DatasetSession.Open(dataset, ct);
        HashSet<string> known = [.. session.Select($"SELECT DISTINCT trace_id FROM {Table}", r => r.GetString(0))];
        Dictionary<string, SeenFile> pending = seen.Where(f => !known.Contains(f.TraceId!)).ToDictionary(f => f.TraceId!);
        if (pending.Count == 0)
        {
            return 0;
        }

        var values = new StringBuilder("CREATE TEMP TABLE pending AS SELECT trace_id FROM (VALUES ");
        values.AppendJoin(", ", pending.Keys.Select(id => $"({Sql.Literal(id)})")).Append(") v(trace_id)");
        using (DuckDBCommand make = session.Command(values.ToString()))
        {
            make.ExecuteNonQuery();
        }

        Dictionary<string, Place> places = session.Select(
            "SELECT trace_id, date, host, kernel FROM traces WHERE trace_id IN (SELECT trace_id FROM pending)",
            r => (r.GetString(0), new Place(DateOnly.FromDateTime(r.GetDateTime(1)), r.GetString(2), r.IsDBNull(3) ? null : r.GetString(3))))
            .ToDictionary(p => p.Item1, p => p.Item2);
        foreach (string id in pending.Keys.Where(id => !places.ContainsKey(id)).ToList())
        {
            // Its manifest cannot be read: it has been told of where the dataset was opened.
            pending.Remove(id);
        }

        List<Row> rows = session.Select(Select, r => new Row(r.GetString(0), r.GetString(1), r.GetString(2), r.GetDouble(3), r.GetInt64(4)));
        foreach (IGrouping<string, Row> trace in rows.GroupBy(r => r.TraceId).Where(g => pending.ContainsKey(g.Key)))
        {
            ct.ThrowIfCancellationRequested();
            IEnumerable<Row> found = NightFindings.Of(session, trace.Key).Select(f => new Row(trace.Key, NightFindings.Metric, f.Key, 1, f.Faults)).OrderBy(f => f.Key, StringComparer.Ordinal);
            Write(dataset, trace.Key, places[trace.Key], pending[trace.Key], [.. trace, .. found]);
        }

        return places.Count;
    }

    private static void Write(string dataset, string traceId, Place place, SeenFile file, IEnumerable<Row> rows)
    {
        StringColumn trace = new("trace_id", nullable: false);
        StringColumn hostClass = new("host_class", nullable: false);
        StringColumn scenario = new("scenario", nullable: false);
        StringColumn kernel = new("kernel");
        StringColumn metric = new("metric", nullable: false);
        StringColumn key = new("key", nullable: false);
        Column<double> value = new("value");
        Column<long> n = new("n");
        using TableWriter table = new(DatasetLayout.Result(dataset, Table, place.Date, place.Host, traceId), [trace, hostClass, scenario, kernel, metric, key, value, n]);
        foreach (Row row in rows)
        {
            trace.Add(traceId);
            hostClass.Add(file.HostClass);
            scenario.Add(file.Scenario);
            kernel.Add(place.Kernel);
            metric.Add(row.Metric);
            key.Add(row.Key);
            value.Add(row.Value);
            n.Add(row.N);
            table.EndRow();
        }

        table.Complete();
    }

    private sealed record Place(DateOnly Date, string Host, string? Kernel);

    private sealed record Row(string TraceId, string Metric, string Key, double Value, long N);
}
