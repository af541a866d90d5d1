namespace TraceReplay.Analysis.Views;

/// <summary>A column and its DuckDB type.</summary>
public sealed record Column(string Name, string Type);

/// <summary>A table of ours: where its files lie below the dataset and the columns that its view always has.</summary>
/// <param name="Name">Name of the view.</param>
/// <param name="Folder">Folder below the dataset, with forward slashes.</param>
/// <param name="Columns">Columns in the order in which they are shown.</param>
public sealed record TableSchema(string Name, string Folder, IReadOnlyList<Column> Columns)
{
    /// <summary>Reads "name TYPE, name TYPE"; no type of ours holds a comma.</summary>
    internal static TableSchema Parse(string name, string folder, string columns) =>
        new(name, folder, [.. columns.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(c =>
        {
            int space = c.IndexOf(' ', StringComparison.Ordinal);
            return new Column(c[..space], c[(space + 1)..].Trim());
        })]);
}

/// <summary>The tables that every dataset has, files or not (contract section 2).</summary>
public static class Tables
{
    /// <summary>One row per capture; read from the manifests, so a capture without one is not there.</summary>
    public static TableSchema Traces { get; } = TableSchema.Parse("traces", "traces/manifests", """
        trace_id VARCHAR, path VARCHAR, sha256 VARCHAR, format VARCHAR, host VARCHAR, date DATE, kernel VARCHAR, arch VARCHAR,
        cpu_vendor VARCHAR, clock VARCHAR, clock_unit VARCHAR, cpus INTEGER, start_ns BIGINT, end_ns BIGINT, events BIGINT,
        lost BIGINT, complete BOOLEAN, warnings VARCHAR[], scenario VARCHAR
        """);

    public static TableSchema LostEvents { get; } = TableSchema.Parse("lost_events", "traces/lost_events", """
        trace_id VARCHAR, cpu INTEGER, after_seq BIGINT, ts_ns BIGINT, count BIGINT, instance VARCHAR
        """);

    public static TableSchema ProbeSites { get; } = TableSchema.Parse("probe_sites", "traces/probe_sites", """
        trace_id VARCHAR, event VARCHAR, function VARCHAR, is_return BOOLEAN, address UBIGINT
        """);

    /// <summary>Mappings of the VMM, from a maps file beside the capture.</summary>
    public static TableSchema HostMaps { get; } = TableSchema.Parse("host_maps", "traces/host_maps", """
        trace_id VARCHAR, file VARCHAR, start_hva UBIGINT, end_hva UBIGINT, permissions VARCHAR, name VARCHAR, pfnmap BOOLEAN, io BOOLEAN
        """);

    /// <summary>Records by trace and event.</summary>
    public static TableSchema EventCounts { get; } = TableSchema.Parse("event_counts", "traces/manifests", """
        trace_id VARCHAR, system VARCHAR, event VARCHAR, records BIGINT
        """);

    /// <summary>What replay writes.</summary>
    public static IReadOnlyList<TableSchema> Results { get; } =
    [
        Result("faults", """
            trace_id VARCHAR, fault_id BIGINT, seq BIGINT, end_seq BIGINT, ts_ns BIGINT, vm INTEGER, vcpu INTEGER, pid INTEGER,
            as_id INTEGER, slot_id INTEGER, gpa UBIGINT, gfn UBIGINT, hva UBIGINT, access VARCHAR, kind VARCHAR, page_kind VARCHAR,
            observed_outcome VARCHAR, observed_pfn UBIGINT, observed_level INTEGER, observed_writable BOOLEAN,
            observed_by VARCHAR, latency_ns BIGINT, latency_cycles BIGINT, latency_to VARCHAR, source VARCHAR
            """),
        Result("outcomes", """
            trace_id VARCHAR, fault_id BIGINT, model VARCHAR, setting VARCHAR, outcome VARCHAR, outcomes VARCHAR, read_off BOOLEAN,
            pfn UBIGINT, level INTEGER, writable BOOLEAN, refs_got INTEGER, refs_put INTEGER, marked_accessed INTEGER, marked_dirty INTEGER,
            retry_cause VARCHAR, page_kind VARCHAR, path VARCHAR, certainty VARCHAR, reason VARCHAR
            """),
        Result("divergences", """
            trace_id VARCHAR, fault_id BIGINT, model_a VARCHAR, model_b VARCHAR, outcome_a VARCHAR, outcome_b VARCHAR,
            page_kind VARCHAR, cause VARCHAR
            """),
        Result("violations", """
            trace_id VARCHAR, model VARCHAR, invariant VARCHAR, name VARCHAR, verdict VARCHAR, fault_id BIGINT, seq BIGINT,
            ts_ns BIGINT, vm INTEGER, gfn UBIGINT, pfn UBIGINT, detail VARCHAR
            """),
        Result("invariants", """
            trace_id VARCHAR, model VARCHAR, setting VARCHAR, invariant VARCHAR, name VARCHAR, checked BIGINT, held BIGINT,
            violated BIGINT, violable BIGINT, by_design BIGINT, note VARCHAR
            """),
        Result("fidelity", """
            trace_id VARCHAR, model VARCHAR, setting VARCHAR, quantity VARCHAR, total BIGINT, matched BIGINT,
            in_set BIGINT, missed BIGINT, lost BIGINT, read_off BIGINT, unknown BIGINT, unobserved BIGINT, coverage DOUBLE
            """),
        Result("fidelity_misses", """
            trace_id VARCHAR, model VARCHAR, setting VARCHAR, quantity VARCHAR, fault_id BIGINT, seq BIGINT, ts_ns BIGINT,
            gfn UBIGINT, observed VARCHAR, predicted VARCHAR, lost BOOLEAN, cause VARCHAR
            """),
        Result("windows", """
            trace_id VARCHAR, window_id BIGINT, start_seq BIGINT, end_seq BIGINT, start_ns BIGINT, end_ns BIGINT, ended_by VARCHAR,
            vm INTEGER, mn UBIGINT, pid INTEGER, hva_start UBIGINT, hva_end UBIGINT, slots INTEGER, gfns UBIGINT,
            zapped_leaves BIGINT, zapped_pages BIGINT, notifier_event VARCHAR, cause VARCHAR, invalidate_seq UBIGINT
            """),
        Result("bo_moves", """
            trace_id VARCHAR, seq BIGINT, end_seq BIGINT, ts_ns BIGINT, end_ns BIGINT, pid INTEGER, bo UBIGINT, old_type UBIGINT,
            new_type UBIGINT, size UBIGINT, evict BOOLEAN, result INTEGER, windows INTEGER, zapped_pages BIGINT
            """),
        Result("assumptions", """
            trace_id VARCHAR, assumption VARCHAR, value VARCHAR, share DOUBLE, detail VARCHAR, inferred BIGINT, equal BIGINT,
            error DOUBLE
            """),
        Result("cost_counts", """
            trace_id VARCHAR, model VARCHAR, setting VARCHAR, fault_id BIGINT, seq BIGINT, work VARCHAR, path VARCHAR,
            outcome VARCHAR, page_kind VARCHAR, access VARCHAR, leaves INTEGER,
            slot_lookup INTEGER, seq_load INTEGER, precheck_load INTEGER, stale_load INTEGER, walk_fast INTEGER,
            walk_slow INTEGER, walk_remapped INTEGER, walk_level INTEGER, walk_tdp INTEGER, mmap_lock INTEGER,
            vma_lookup INTEGER, page_table_lock INTEGER, host_fault INTEGER, driver_fault INTEGER, poison_lookup INTEGER,
            ref_get INTEGER, ref_put INTEGER, ref_put_in_lookup INTEGER, ref_put_locked INTEGER, ref_try_fail INTEGER,
            memmap_check INTEGER, page_line INTEGER, mark_accessed INTEGER, mark_dirty INTEGER, mark_locked INTEGER,
            mmu_lock_read INTEGER, mmu_lock_write INTEGER, notifier_lock INTEGER, pfn_cache_seq INTEGER, spte_cas INTEGER,
            spte_store INTEGER, spte_clear INTEGER, memtype_flag INTEGER, memtype_search INTEGER, slot_dirty INTEGER,
            tlb_flush INTEGER, retry INTEGER, async_fault INTEGER
            """),
        Result("cost_measured", """
            trace_id VARCHAR, model VARCHAR, setting VARCHAR, path VARCHAR, alike BOOLEAN, units BIGINT, repetitions INTEGER,
            ns DOUBLE, harness_ns DOUBLE, ratio DOUBLE, ratio_low DOUBLE, ratio_high DOUBLE, verdict VARCHAR, left_out DOUBLE,
            instructions DOUBLE, cache_misses DOUBLE
            """),
        Result("cost_traced", """
            trace_id VARCHAR, quantity VARCHAR, path VARCHAR, outcome VARCHAR, page_kind VARCHAR, n BIGINT, p50 BIGINT, p90 BIGINT,
            p99 BIGINT, max BIGINT, mean DOUBLE, unit VARCHAR, probe_records DOUBLE, lost BIGINT
            """),
        Result("cost_prices", """
            trace_id VARCHAR, kernel VARCHAR, host VARCHAR, traces INTEGER, operation VARCHAR, price_ns DOUBLE, low_ns DOUBLE,
            high_ns DOUBLE, faults BIGINT, cells INTEGER, r2 DOUBLE, note VARCHAR
            """),
        Result("cost_predictions", """
            trace_id VARCHAR, scenario VARCHAR, path VARCHAR, page_kind VARCHAR, model VARCHAR, faults BIGINT, captured_ns DOUBLE,
            predicted_ns DOUBLE, predicted_ratio DOUBLE, predicted_low DOUBLE, predicted_high DOUBLE, observed_trace VARCHAR,
            observed_ns DOUBLE, observed_ratio DOUBLE, observed_low DOUBLE, observed_high DOUBLE, verdict VARCHAR
            """),
        Result("night_stats", """
            trace_id VARCHAR, host_class VARCHAR, scenario VARCHAR, kernel VARCHAR, metric VARCHAR, key VARCHAR, value DOUBLE, n BIGINT
            """),
    ];

    /// <summary>What replay, cost and nightly write, by name.</summary>
    public static TableSchema Named(string name) => Results.Single(table => table.Name == name);

    private static TableSchema Result(string name, string columns) => TableSchema.Parse(name, "results/" + name, columns);
}
