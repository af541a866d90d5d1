namespace TraceReplay.Analysis.Cost;

/// <summary>What `cost` prints, as SQL over the cost views; $asked holds the trace ids, separated by commas.</summary>
public static class CostQueries
{
    private const string Asked = "list_contains(string_split($asked, ','), trace_id)";

    /// <summary>
    /// The scenario of a capture: its file's name without the kernel's version before it and without endings. Captures of one name are
    /// taken for runs of one scenario.
    /// </summary>
    public const string ScenarioOf = "regexp_replace(regexp_replace(regexp_extract(file, '[^/]+$'), '^[0-9]+[.][0-9]+[-._]', ''), '[.].*$', '')";

    /// <summary>Operations per fault or work of the host, by scenario, path and page kind: a row for each operation that any model counts.</summary>
    public static string Counts { get; } = $$"""
        WITH sums AS (
            SELECT trace_id, model, coalesce(path, work) AS path, page_kind, count(*) AS n,
                   MAP { {{string.Join(", ", Replay.Cost.CostOperations.Names.Select(name => $"'{name}': avg({name})"))}} } AS means
            FROM cost_counts WHERE {{Asked}} GROUP BY ALL),
        long AS (SELECT * EXCLUDE (means), unnest(map_entries(means)) AS o FROM sums),
        means AS (
            SELECT {{ScenarioOf}} AS scenario, trace_id, l.path, page_kind, o.key AS operation, model, n, o.value AS mean
            FROM long l JOIN (SELECT trace_id, path AS file FROM traces) USING (trace_id))
        SELECT scenario, trace_id, path, page_kind, max(n) AS n, operation,
               round(max(mean) FILTER (model = 'current'), 3) AS "current", round(max(mean) FILTER (model = 'v11'), 3) AS v11, round(max(mean) FILTER (model = 'merged'), 3) AS merged
        FROM means GROUP BY scenario, trace_id, path, page_kind, operation HAVING max(mean) > 0
        ORDER BY scenario, trace_id, n DESC, path, page_kind, operation
        """;

    /// <summary>The models' own hot paths.</summary>
    public static string Measured { get; } = $"""
        SELECT {ScenarioOf} AS scenario, trace_id, path, model, setting, units, repetitions, round(ns, 1) AS ns, round(harness_ns, 1) AS harness_ns,
               round(ratio, 3) AS ratio, round(ratio_low, 3) AS ratio_low, round(ratio_high, 3) AS ratio_high, verdict, round(left_out, 3) AS left_out, instructions, cache_misses
        FROM cost_measured JOIN (SELECT trace_id, path AS file FROM traces) USING (trace_id) WHERE {Asked}
        ORDER BY scenario, trace_id, path <> 'all', units DESC, path, model
        """;

    /// <summary>What the real kernel took.</summary>
    public static string Traced { get; } = $"""
        SELECT {ScenarioOf} AS scenario, trace_id, kernel, quantity, c.path, outcome, page_kind, n, p50, p90, p99, max, unit, round(probe_records, 1) AS probe_records, c.lost
        FROM cost_traced c JOIN (SELECT trace_id, path AS file, kernel FROM traces) t USING (trace_id) WHERE {Asked}
        ORDER BY scenario, trace_id, quantity, n DESC, c.path, outcome
        """;
}
