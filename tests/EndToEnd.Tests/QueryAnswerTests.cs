using System.Text.Json;
using DuckDB.NET.Data;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// What the library's queries say of the sample captures, against what others say of them: the VMM's own truth file, a count or
/// a difference of two time stamps in `trace-cmd report -R`, or simple arithmetic on these. The origin stands at each value.
/// </summary>
public class QueryAnswerTests(SampleDataset samples)
{
    private static readonly string s_queries = Path.Combine(Path.GetDirectoryName(Tool.Samples)!, "queries");

    // One for all: making the views opens every file of the dataset.
    private static DuckDBConnection? s_stock;

    public static TheoryData<string> Names => [.. Directory.EnumerateFiles(s_queries, "*.sql", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(s_queries, f)[..^".sql".Length]).Order(StringComparer.Ordinal)];

    [Theory]
    // truth: "ttmsmall ok=21", 413 EFAULT in its six passes; one page more is the guest's own code.
    [InlineData("faults_by_outcome", "6.12-ttmsmall", "format('{} {}', sum(faults) FILTER (outcome = 'EFAULT'), sum(faults) FILTER (outcome = 'FIXED')) FROM q WHERE source = 'observed'", "413 22")]
    // truth: 7 passes over 64 pages without a memslot.
    [InlineData("faults_by_outcome", "6.12-mmio", "sum(faults) FROM q WHERE source = 'observed' AND outcome = 'EMULATE'", "448")]
    // truth: op 5 to 8 "ok=2 efault=2046" three times, and no EFAULT elsewhere; 7.2: none.
    [InlineData("efault_causes", "6.12-ttmevict", "format('{} {}', sum(gfns), string_agg(DISTINCT page_kind)) FROM q WHERE source = 'observed'", "6138 P4")]
    [InlineData("efault_causes", "7.2-ttmevict", "count(*) FROM q WHERE source IN ('observed', 'merged 7.x')", "0")]
    // truth: efault_ranges begin at 0x11001000 and end at 0x150ba000.
    [InlineData("efault_causes", "6.12-ttmsmall", "format('{} {}', first_gfn, last_gfn) FROM q WHERE source = 'observed'", "0x11001 0x150b9")]
    // truth: what 6.12 refused, 7.2 mapped in the same scenario.
    [InlineData("divergences", "6.12-ttmevict", "format('{} {}', outcome_b, faults) FROM q WHERE model_a = 'current' AND model_b = 'merged'", "FIXED 6138")]
    // trace-cmd report | grep -c kvm_page_fault:
    [InlineData("event_counts", "6.1-ttmevict", "records FROM q WHERE event = 'kvm_page_fault'", "14337")]
    // trace-cmd report has no line that says LOST.
    [InlineData("lost_events", "6.12-ttmevict", "count(*) FROM q", "0")]
    // trace-cmd report | grep tdp_fault_ret | grep -c ret=1: no RETRY in any sample.
    [InlineData("retry_storms", "6.12-ttmevict", "count(*) FROM q", "0")]
    // trace-cmd report | grep -c kvm_unmap_hva_range: 3, each of 8 MiB; truth: three of the buffers that the guest had written whole.
    [InlineData("invalidations_by_cause", "6.12-ttmevict", "format('{} {} {} {} {} {}', cause, notifier_event, comm, windows, no_slot, zapped_pages) FROM q", "ttm_bo_handle_move_mem CLEAR minivmm 3 0 6144")]
    [InlineData("invalidations_by_cause", "6.1-ttmevict", "format('{} {} {}', notifier_event, windows, zapped_pages) FROM q", "CLEAR 3 6144")]
    [InlineData("invalidations_by_cause", "7.2-ttmevict", "format('{} {} {}', notifier_event, windows, zapped_pages) FROM q", "CLEAR 3 6144")]
    [InlineData("invalidations_by_cause", "6.12-ttmsmall", "count(*) FROM q", "0")]
    // trace-cmd report -t: kvm_page_fault at 227.902772107, the return of the same vCPU's handler (tdp_fault_ret) at 227.903172011.
    [InlineData("latency_by_path", "6.12-ttmsmall", "format('{} {} {} {} {}', outcome, faults, p50, max, unit) FROM q WHERE path = 'gup_fast'", "FIXED 1 399904 399904 ns")]
    [InlineData("latency_by_path", "6.12-ttmsmall", "format('{} {}', sum(faults), sum(timed)) FROM q", "435 435")]
    // trace-cmd report | grep fault_address= | sort | uniq -c: 0x40000000 8 times, its neighbours 7 times, 65 pages more than once.
    [InlineData("hot_guest_pages", "6.12-mmio", "format('{} {} {} {}', gfn, faults, emulated, more_pages) FROM q LIMIT 1", "0x40000 8 7 45")]
    // trace-cmd report: two kvm_unmap_hva_range of 2 MiB each, by munmap after the slots were deleted.
    [InlineData("windows_without_memslot", "6.12-mmio", "format('{} {} {} {} {}', cause, notifier_event, windows, of_all, bytes) FROM q", "sys_enter_munmap UNMAP 2 1.0 4194304")]
    [InlineData("windows_without_memslot", "6.12-ttmevict", "format('{} {}', windows, of_all) FROM q", "0 0.0")]
    // trace-cmd report | grep -c ttm_move:
    [InlineData("bo_moves", "6.12-ttmevict", "count(*) FROM q", "190")]
    // truth: op 5 to 7 read again what had moved from VRAM (2) to system memory (0), "ok=2 efault=2046" each; 7.2: "ok=2048 efault=0".
    [InlineData("bo_moves", "6.12-ttmevict", "string_agg(format('{}>{} {} {} {}', old_place, new_place, zapped_pages, refaulted, refused), ', ') FROM q WHERE windows > 0", "VRAM>system 2048 2048 2046, VRAM>system 2048 2048 2046, VRAM>system 2048 2048 2046")]
    [InlineData("bo_moves", "7.2-ttmevict", "string_agg(DISTINCT format('{}>{} {} {} {}', old_place, new_place, zapped_pages, refaulted, refused)) FROM q WHERE windows > 0", "VRAM>system 2048 2048 0")]
    // The owner unmaps before it frees: trace-cmd report shows every mm_page_free of a mapped block behind its zaps.
    [InlineData("freed_pages_mapped", "6.12-ttmevict", "count(*) FROM q", "0")]
    // trace-cmd report | grep -c kvm_page_fault: 14337, 435 and 452; the models leave the first two unknown nowhere.
    [InlineData("fidelity_fleet", "", "format('{} {} {} {}', traces, hosts, total, matched) FROM q WHERE kernel LIKE '6.12%' AND quantity = 'outcome'", "3 1 15224 15224")]
    // The probe on memslot calls is in every sample.
    [InlineData("assumptions_fleet", "", "string_agg(format('{} {}', traces, known), ', ' ORDER BY kernel) FROM q WHERE assumption = 'AS-1'", "1 1, 3 3, 1 1")]
    [InlineData("assumptions", "6.12-mmio", "value FROM q WHERE assumption = 'AS-1'", "known")]
    // One day, so nothing to compare with.
    [InlineData("regressions", "", "format('{} {}', max(baseline_days), max(baseline_traces)) FROM q", "0 0")]
    // The samples are replayed with their probes.
    [InlineData("inference_price", "", "count(*) FROM q", "0")]
    // trace-cmd report | grep -c kvm_page_fault:
    [InlineData("fidelity", "6.12-ttmsmall", "format('{} {} {}', total, matched, coverage) FROM q WHERE quantity = 'outcome'", "435 435 1.0")]
    // Every fault of a kernel whose model takes references gives them back: INV-01 broken nowhere.
    [InlineData("invariants", "6.12-ttmsmall", "sum(violated) FROM q WHERE model = 'current' AND invariant = 'INV-01'", "0")]
    // Spec 11: INV-34 is v11's alone, INV-36 merged's. Each stands once, for its own model.
    [InlineData("invariants", "6.12-ttmsmall", "string_agg(invariant || ' ' || model, ', ' ORDER BY invariant) FROM q WHERE invariant IN ('INV-34', 'INV-36')", "INV-34 v11, INV-36 merged")]
    public void The_answer_is_what_others_saw(string query, string capture, string select, string expected)
    {
        string text = File.ReadAllText(Path.Combine(s_queries, query + ".sql")).TrimEnd().TrimEnd(';');
        string all = capture.Length == 0 ? text : $"SELECT * FROM ({text}\n) WHERE trace_id IN (SELECT trace_id FROM traces WHERE path LIKE '%/{capture}.trace.dat')";
        DuckDBConnection duckdb = Stock();
        using DuckDBCommand command = duckdb.CreateCommand();
        command.CommandText = $"WITH q AS ({all}) SELECT {select}";
        using DuckDBDataReader reader = command.ExecuteReader();
        Assert.True(reader.Read(), "no row");
        Assert.Equal(expected, reader.GetValue(0).ToString());
        Assert.False(reader.Read(), "more than one row");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Stock_DuckDB_gives_the_same_answer_with_views_sql_alone(string name)
    {
        DuckDBConnection duckdb = Stock();
        using DuckDBCommand command = duckdb.CreateCommand();
        command.CommandText = File.ReadAllText(Path.Combine(s_queries, name + ".sql"));
        long rows = 0;
        using (DuckDBDataReader reader = command.ExecuteReader())
        {
            while (reader.Read())
            {
                rows++;
            }
        }

        ToolResult ours = samples.Run("query", "-d", samples.Root, "--format", "json", name);
        Assert.True(ours.Code == 0, ours.Error);
        Assert.Equal(rows, JsonDocument.Parse(ours.Output).RootElement.GetArrayLength());
    }

    [Theory]
    [InlineData("FROM fauls", "no such view: fauls; this dataset recorded no fauls; did you mean faults? (SHOW TABLES lists all)")]
    [InlineData("FROM kvm_exti", "no such view: kvm_exti; this dataset recorded no kvm_exti; did you mean kvm_exit? (SHOW TABLES lists all)")]
    [InlineData("SELECT 1 FROM sched_switch", "no such view: sched_switch; this dataset recorded no sched_switch (SHOW TABLES lists all)")]
    public void A_view_that_is_not_there_is_told_with_the_nearest(string sql, string line)
    {
        ToolResult result = samples.Run("query", "-d", samples.Root, "--sql", sql);
        Assert.Equal((2, "", line), (result.Code, result.Output, Assert.Single(result.ErrorLines)));
    }

    /// <summary>DuckDB as anybody has it: none of our code but the documented views file.</summary>
    private DuckDBConnection Stock() => s_stock ??= OpenStock();

    private DuckDBConnection OpenStock()
    {
        DuckDBConnection duckdb = new("DataSource=:memory:");
        duckdb.Open();
        using DuckDBCommand command = duckdb.CreateCommand();
        command.CommandText = $"SET file_search_path = '{samples.Root}'";
        command.ExecuteNonQuery();
        command.CommandText = File.ReadAllText(Path.Combine(samples.Root, "views.sql"));
        command.ExecuteNonQuery();
        return duckdb;
    }
}
