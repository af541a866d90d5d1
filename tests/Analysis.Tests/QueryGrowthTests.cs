using System.Text.Json;
using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests;

/// <summary>
/// No query of the library compares each fault with each window: counted in the plan that ran, not timed. All rows are of one
/// trace, one VM and one task, so that a join by these alone meets every pair.
/// </summary>
public sealed class QueryGrowthTests : IDisposable
{
    // Of faults, windows, records of SPTEs, pages given out and freed. All pairs of two of these are 4,000,000.
    private const int Rows = 2000;

    // Moves and unmapped ranges are few in any capture; each may meet all pages.
    private const int Few = 20;

    private static readonly string[] s_skewed = ["trace_id", "vm", "pid", "as_id", "level", "model", "setting"];

    private static readonly QueryLibrary s_library = new([Path.Combine(LibraryTests.RepositoryRoot(), "queries")]);

    private readonly FakeDataset _data = Made();

    public static TheoryData<string> Names => [.. s_library.List().Select(q => q.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_query_compares_no_more_than_a_multiple_of_the_rows(string name) => Assert.InRange(Compared(s_library.Text(name)), 0, 100 * Rows);

    /// <summary>The count itself: what DuckDB does with a join that it has no better plan for.</summary>
    [Theory]
    [InlineData("SELECT count(*) FROM faults f JOIN windows w ON w.trace_id = f.trace_id AND w.vm = f.vm AND w.start_seq < f.seq AND w.end_seq > f.seq")]
    [InlineData("SET asof_loop_join_threshold = 1000000; SELECT count(*) FROM faults f ASOF JOIN windows w ON w.trace_id = f.trace_id AND w.vm = f.vm AND w.start_seq < f.seq")]
    public void All_pairs_are_seen(string sql) => Assert.True(Compared(sql) > Rows * Rows / 2);

    public void Dispose() => _data.Dispose();

    private long Compared(string sql)
    {
        using DatasetSession session = _data.Open();
        int select = sql.StartsWith("SET ", StringComparison.Ordinal) ? sql.IndexOf(';', StringComparison.Ordinal) + 1 : 0;
        if (select > 0)
        {
            session.Select(sql[..select], _ => 0);
        }

        string plan = session.Select("EXPLAIN (ANALYZE, FORMAT json) " + sql[select..], r => r.GetString(1))[0];
        using var json = JsonDocument.Parse(plan, new JsonDocumentOptions { MaxDepth = 1000 });
        return Compared(json.RootElement);
    }

    private static long Compared(JsonElement node)
    {
        JsonElement[] children = [.. node.GetProperty("children").EnumerateArray()];
        string kind = node.TryGetProperty("operator_name", out JsonElement name) ? name.GetString()!.Trim() : "";
        bool pairs = kind is "NESTED_LOOP_JOIN" or "BLOCKWISE_NL_JOIN" or "CROSS_PRODUCT" || (kind == "HASH_JOIN" && MeetsAll(node));
        long own = pairs ? children.Select(Cardinality).Aggregate(1L, (a, b) => a * b) : kind.EndsWith("JOIN", StringComparison.Ordinal) ? Cardinality(node) : 0;
        return own + children.Sum(Compared);
    }

    /// <summary>Beside what is the same in all rows, the keys have inequalities only.</summary>
    private static bool MeetsAll(JsonElement join)
    {
        JsonElement conditions = join.GetProperty("extra_info").GetProperty("Conditions");
        string[] all = conditions.ValueKind == JsonValueKind.Array ? [.. conditions.EnumerateArray().Select(c => c.GetString()!)] : [conditions.GetString()!];
        string[] equal = [.. all.Where(c => c.Contains(" = ", StringComparison.Ordinal) || c.Contains(" IS NOT DISTINCT FROM ", StringComparison.Ordinal))];
        return equal.Length < all.Length && equal.All(c => s_skewed.Any(s => c.Contains(s, StringComparison.Ordinal)));
    }

    // An operator that only hands on has the cardinality of what is below it.
    private static long Cardinality(JsonElement node) =>
        node.TryGetProperty("operator_cardinality", out JsonElement rows) && rows.GetInt64() > 0
            ? rows.GetInt64()
            : node.GetProperty("children").EnumerateArray().Select(Cardinality).DefaultIfEmpty(0).Max();

    private static FakeDataset Made()
    {
        static string Each(string columns, int rows = Rows) => $"SELECT 'a' AS trace_id, {columns} FROM range({rows}) r(i)";
        const string Page = "(i + 4096)::UBIGINT";
        const string Address = "((i + 1048576) * 4096)::UBIGINT";
        var data = new FakeDataset();
        return data.Manifest("a", events: Rows * 10)
            .Result("faults", "a", Each($"""
                i AS fault_id, 10 * i AS seq, 10 * i + 5 AS end_seq, 1000 * i AS ts_ns, 0::INTEGER AS vm, 0::INTEGER AS vcpu, 7::INTEGER AS pid, 0::INTEGER AS as_id, 0::INTEGER AS slot_id,
                {Page} AS gfn, {Address} AS hva, 'w' AS access, 'tdp' AS kind, if(i % 4 = 0, 'P3', 'GUP') AS page_kind, if(i % 2 = 0, 'FIXED', 'RETRY') AS observed_outcome, {Page} AS observed_pfn, 1::INTEGER AS observed_level, true AS observed_writable
                """))
            .Result("outcomes", "a", Each($"i AS fault_id, 'current' AS model, '6.12' AS setting, if(i % 2 = 0, 'FIXED', 'RETRY') AS outcome, if(i % 2 = 0, 'FIXED', 'RETRY') AS outcomes, {Page} AS pfn, 'gup' AS path"))
            .Result("fidelity", "a", "SELECT 'a' AS trace_id, 'current' AS model, '6.12' AS setting, 'outcome' AS quantity")
            .Result("windows", "a", Each($"""
                i AS window_id, 0::INTEGER AS vm, 8::INTEGER AS pid, 10 * i + 1 AS start_seq, 10 * i + 4 AS end_seq, 100 * i AS start_ns, 100 * i + 50 AS end_ns, {Address} AS hva_start, {Address} + 4096 AS hva_end,
                if(i < {Few}, 'UNMAP', 'CLEAR') AS notifier_event, 1::INTEGER AS slots, 1::BIGINT AS zapped_leaves, 1::BIGINT AS zapped_pages
                """))
            .Result("bo_moves", "a", Each("100 * i AS seq, 100 * i + 20 AS end_seq, 8::INTEGER AS pid, 2::BIGINT AS windows, 1::BIGINT AS zapped_pages", Few))
            .Event("kvmmmu.kvm_tdp_mmu_spte_changed", "a", Each($"""
                10 * i + 3 AS seq, 300 * i AS ts_ns, 8::INTEGER AS pid, 0::UTINYINT AS as_id, ((i // 2) + 4096)::UBIGINT AS gfn, 1::UTINYINT AS level,
                if(i % 2 = 0, 0, i * 4096 + 2048)::UBIGINT AS old_spte, if(i % 2 = 0, i * 4096 + 2048, 0)::UBIGINT AS new_spte
                """))
            .Event("kvmmmu.kvm_mmu_pagetable_walk", "a", Each("10 * i + 2 AS seq, 8::INTEGER AS pid"))
            .Event("kvmrep.release_pfn", "a", Each("10 * i + 3 AS seq, 7::INTEGER AS pid"))
            .Event("kmem.mm_page_alloc", "a", Each($"10 * i + 1 AS seq, {Page} AS pfn, 0::UINTEGER AS \"order\""))
            .Event("kmem.mm_page_free", "a", Each($"10 * i + 6 AS seq, {Page} AS pfn, 0::UINTEGER AS \"order\""));
    }
}
