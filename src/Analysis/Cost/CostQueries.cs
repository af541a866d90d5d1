using TraceReplay.Replay.Cost;

namespace TraceReplay.Analysis.Cost;

/// <summary>What `cost` prints, as SQL over the cost views; $asked holds the trace ids, separated by commas.</summary>
public static class CostQueries
{
    private const string Asked = "list_contains(string_split($asked, ','), trace_id)";

    private const string Files = "(SELECT trace_id, path AS file, kernel FROM traces)";

    /// <summary>
    /// The scenario of a capture: its file's name without the kernel's version before it and without endings. Captures of one name are
    /// taken for runs of one scenario.
    /// </summary>
    public const string ScenarioOf = "regexp_replace(regexp_replace(regexp_extract(file, '[^/]+$'), '^[0-9]+[.][0-9]+[-._]', ''), '[.].*$', '')";

    /// <summary>One row for each trace, path, page kind and model: the operations that differ most, the model's own time, the kernel's time.</summary>
    public static string Summary { get; } = $"""
        WITH ends AS (
            SELECT trace_id, fault_id, count(DISTINCT outcome) = 1 AS alike FROM cost_counts WHERE fault_id IS NOT NULL AND {Asked} GROUP BY ALL),
        counted AS (
            SELECT trace_id, coalesce(path, work) AS path, page_kind, alike, model, count(*) AS n,
                   avg(walk_fast + walk_slow + walk_remapped + walk_level + walk_tdp) AS walk_loads, avg(vma_lookup) AS vma_lookups,
                   avg(mmap_lock + page_table_lock + mmu_lock_read + mmu_lock_write + notifier_lock) AS lock_atomics,
                   avg(ref_get + ref_put) AS refs, avg(page_line) AS page_lines, avg(mark_accessed + mark_dirty) AS marks,
                   avg(spte_cas + spte_store + spte_clear) AS spte_writes, avg(tlb_flush) AS flushes
            FROM cost_counts LEFT JOIN ends USING (trace_id, fault_id) WHERE {Asked} GROUP BY ALL),
        traced AS (
            SELECT trace_id, path, page_kind, arg_max(p50, n) AS p50, arg_max(p99, n) AS p99, any_value(unit) AS unit, avg(probe_records) AS probe_records
            FROM cost_traced WHERE quantity = 'fault' AND {Asked} GROUP BY ALL)
        SELECT {ScenarioOf} AS scenario, f.kernel, c.path, c.page_kind, c.alike, c.n, c.model, round(walk_loads, 2) AS walk_loads, round(vma_lookups, 2) AS vma_lookups,
               round(lock_atomics, 2) AS lock_atomics, round(refs, 2) AS refs, round(page_lines, 2) AS page_lines, round(marks, 2) AS marks,
               round(spte_writes, 2) AS spte_writes, round(flushes, 2) AS flushes,
               round(m.ns, 1) AS model_ns, round(m.ratio, 3) AS ratio, round(m.ratio_low, 3) AS low, round(m.ratio_high, 3) AS high, m.verdict AS measured,
               t.p50 AS kernel_p50, t.p99 AS kernel_p99, t.unit, round(p.predicted_ratio, 2) AS predicted_ratio, p.verdict AS prediction
        FROM counted c JOIN {Files} f USING (trace_id)
        LEFT JOIN cost_measured m ON m.trace_id = c.trace_id AND m.model = c.model AND m.path = c.path AND m.alike IS NOT DISTINCT FROM c.alike
        LEFT JOIN traced t ON t.trace_id = c.trace_id AND t.path = c.path AND t.page_kind IS NOT DISTINCT FROM c.page_kind
        LEFT JOIN cost_predictions p ON p.trace_id = c.trace_id AND p.model = c.model AND p.path = c.path AND p.page_kind IS NOT DISTINCT FROM c.page_kind
        ORDER BY scenario, c.trace_id, c.n DESC, c.path, c.page_kind, c.alike, c.model
        """;

    /// <summary>Operations per fault or work of the host, by scenario, path and page kind: a row for each operation that any model counts.</summary>
    public static string Counts { get; } = $$"""
        WITH sums AS (
            SELECT trace_id, model, coalesce(path, work) AS path, page_kind, count(*) AS n,
                   MAP { {{string.Join(", ", CostOperations.Names.Select(name => $"'{name}': avg({name})"))}} } AS means
            FROM cost_counts WHERE {{Asked}} GROUP BY ALL),
        long AS (SELECT * EXCLUDE (means), unnest(map_entries(means)) AS o FROM sums)
        SELECT {{ScenarioOf}} AS scenario, trace_id, path, page_kind, max(n) AS n, o.key AS operation,
               round(max(o.value) FILTER (model = 'current'), 3) AS "current", round(max(o.value) FILTER (model = 'v11'), 3) AS v11,
               round(max(o.value) FILTER (model = 'merged'), 3) AS merged
        FROM long JOIN {{Files}} USING (trace_id) GROUP BY ALL HAVING max(o.value) > 0
        ORDER BY scenario, trace_id, n DESC, path, page_kind, operation
        """;

    /// <summary>The models' own hot paths.</summary>
    public static string Measured { get; } = $"""
        SELECT {ScenarioOf} AS scenario, trace_id, path, alike, model, setting, units, repetitions, round(ns, 1) AS ns, round(harness_ns, 1) AS harness_ns,
               round(ratio, 3) AS ratio, round(ratio_low, 3) AS ratio_low, round(ratio_high, 3) AS ratio_high, verdict, round(left_out, 3) AS left_out,
               instructions, cache_misses
        FROM cost_measured JOIN {Files} USING (trace_id) WHERE {Asked}
        ORDER BY scenario, trace_id, path <> 'all', units DESC, path, alike, model
        """;

    /// <summary>What the real kernel took.</summary>
    public static string Traced { get; } = $"""
        SELECT {ScenarioOf} AS scenario, trace_id, kernel, quantity, path, outcome, page_kind, n, p50, p90, p99, max, unit,
               round(probe_records, 1) AS probe_records, lost
        FROM cost_traced JOIN {Files} USING (trace_id) WHERE {Asked}
        ORDER BY scenario, trace_id, quantity, n DESC, path, outcome
        """;

    /// <summary>Faults of one scenario and kernel, captured with probes and without: what a probe record costs.</summary>
    public static string Probes { get; } = $"""
        WITH faults AS (
            SELECT {ScenarioOf} AS scenario, kernel, unit, path, outcome, sum(n * probe_records) / sum(n) AS records, sum(n * p50) / sum(n) AS p50, sum(n) AS n, trace_id
            FROM cost_traced JOIN {Files} USING (trace_id) WHERE quantity = 'fault' AND {Asked} GROUP BY ALL)
        SELECT w.scenario, w.kernel, w.path, w.outcome, w.trace_id AS with_probes, o.trace_id AS without_probes, w.n, round(w.records, 1) AS probe_records,
               round(w.p50) AS p50_with, round(o.p50) AS p50_without, round((w.p50 - o.p50) / w.records, 1) AS per_record, w.unit
        FROM faults w JOIN faults o ON o.scenario = w.scenario AND o.kernel = w.kernel AND o.unit = w.unit AND o.outcome = w.outcome AND o.path = w.path
        WHERE w.records > 0 AND o.records = 0
        ORDER BY w.scenario, w.kernel, w.n DESC, w.path, w.outcome, w.trace_id, o.trace_id
        """;

    /// <summary>Prices of operations by machine and kernel.</summary>
    public static string Prices { get; } = $"""
        SELECT kernel, host, traces, operation, round(price_ns) AS price_ns, round(low_ns) AS low_ns, round(high_ns) AS high_ns, faults, cells AS kinds_of_fault, round(r2, 2) AS r2, note
        FROM cost_prices WHERE {Asked} ORDER BY kernel, host, price_ns DESC NULLS LAST, operation
        """;

    /// <summary>Predicted ratio beside the observed one.</summary>
    public static string Predictions { get; } = $"""
        SELECT scenario, kernel, path, page_kind, model, faults, round(captured_ns) AS captured_ns, round(predicted_ns) AS predicted_ns,
               round(predicted_ratio, 3) AS predicted_ratio, round(predicted_low, 3) AS predicted_low, round(predicted_high, 3) AS predicted_high,
               round(observed_ratio, 3) AS observed_ratio, round(observed_low, 3) AS observed_low, round(observed_high, 3) AS observed_high, verdict
        FROM cost_predictions JOIN {Files} USING (trace_id) WHERE {Asked}
        ORDER BY scenario, kernel, faults DESC, path, page_kind, model
        """;
}
