using System.Globalization;
using System.Text.Json;
using TraceReplay.EndToEnd.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(CostDataset))]

namespace TraceReplay.EndToEnd.Tests;

/// <summary>The sample captures, and those that TRACEREPLAY_CAPTURES names, in a dataset whose cost was asked for without measuring.</summary>
public sealed class CostDataset : IDisposable
{
    private readonly Scratch _scratch = new();

    public CostDataset()
    {
        string[] more = (Environment.GetEnvironmentVariable("TRACEREPLAY_CAPTURES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        string[] captures = [.. more.Prepend(Tool.Samples).SelectMany(folder => Directory.EnumerateFiles(folder, "*.trace.dat", SearchOption.AllDirectories)).Where(path => !path.Contains("arm64", StringComparison.Ordinal))];
        Runs = [Run(["ingest", "-q", "-d", Root, .. captures]), Run("replay", "-q", "-d", Root), Run("cost", "-d", Root, "--repetitions", "0", "--format", "json")];
    }

    public string Root => _scratch["data"];

    internal ToolResult[] Runs { get; }

    internal ToolResult Run(params string[] args) => _scratch.Run(args);

    internal List<JsonElement> Query(string sql)
    {
        ToolResult result = Run("query", "-d", Root, "--format", "json", "--sql", sql);
        return result.Code == 0 ? [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()] : throw new InvalidOperationException(result.Error);
    }

    public void Dispose() => _scratch.Dispose();
}

public class CostTests(CostDataset data)
{
    // From the event views alone; path, outcome and page kind, by which cost_traced tells faults apart, are looked up.
    private const string Independent = """
        WITH whole AS (SELECT trace_id FROM traces WHERE lost = 0), -- which record ended what is not to be known where some are lost
        -- Where no entry is recorded, the next exit to the VMM would count the guest's own run too.
        ends AS (
            SELECT trace_id, pid, seq, ts_ns FROM kvm_entry
            UNION ALL SELECT trace_id, pid, seq, ts_ns FROM kvm_userspace_exit WHERE trace_id IN (SELECT trace_id FROM kvm_entry)),
        begins AS (
            SELECT trace_id, pid, seq, ts_ns, lead(seq) OVER (PARTITION BY trace_id, pid ORDER BY seq) AS next FROM kvm_page_fault),
        spans AS (
            SELECT f.trace_id, f.pid, f.seq, f.ts_ns, e.seq AS end_seq, e.ts_ns AS end_ns, least(coalesce(e.seq, f.next), coalesce(f.next, e.seq)) AS until
            FROM begins f ASOF LEFT JOIN ends e ON f.trace_id = e.trace_id AND f.pid = e.pid AND f.seq < e.seq),
        returns AS (
            SELECT f.trace_id, f.seq, min_by(r.ts_ns, r.seq) AS ts_ns
            FROM spans f JOIN tdp_fault_ret r ON f.trace_id = r.trace_id AND f.pid = r.pid AND f.seq < r.seq AND (f.until IS NULL OR r.seq < f.until) GROUP BY ALL),
        latencies AS (
            -- To the handler's return where it was recorded, else the guest's next entry.
            SELECT f.trace_id, f.seq, coalesce(r.ts_ns, CASE WHEN f.end_seq = f.until THEN f.end_ns END) - f.ts_ns AS t
            FROM spans f LEFT JOIN returns r USING (trace_id, seq) WHERE t IS NOT NULL),
        zaps AS (
            SELECT c.trace_id, c.pid, c.seq, c.ts_ns FROM kvm_tdp_mmu_spte_changed c
            WHERE c.old_spte & 2048 <> 0 AND (c.level = 1 OR c.old_spte & 128 <> 0) AND c.new_spte & 2048 = 0),
        calls AS (
            SELECT s.trace_id, s.pid, s.seq, s.ts_ns, r.seq AS ret, r.ts_ns - s.ts_ns AS t
            FROM kvm_mn_start s ASOF JOIN kvm_mn_start_ret r ON s.trace_id = r.trace_id AND s.pid = r.pid AND s.seq < r.seq),
        times AS (
            SELECT trace_id, 'fault' AS quantity, c.path, f.observed_outcome AS outcome, c.page_kind, l.t
            FROM latencies l JOIN faults f USING (trace_id, seq) JOIN cost_counts c USING (trace_id, fault_id) JOIN traces t USING (trace_id)
            WHERE c.model = coalesce((SELECT any_value(y.model) FROM fidelity y WHERE y.trace_id = t.trace_id), 'current')
            UNION ALL
            SELECT s.trace_id, 'window', NULL, NULL, NULL, min_by(e.ts_ns, e.seq) - any_value(s.ts_ns)
            FROM kvm_mn_start s JOIN kvm_mn_end e ON e.trace_id = s.trace_id AND e.pid = s.pid AND e.seq > s.seq AND e.start = s.start AND e."end" = s."end"
            GROUP BY s.trace_id, s.seq
            UNION ALL
            SELECT c.trace_id, 'notifier_call', NULL, CASE WHEN count(z.seq) > 0 THEN 'leaves zapped' WHEN c.trace_id NOT IN (SELECT trace_id FROM kvm_tdp_mmu_spte_changed) THEN 'leaves not recorded' ELSE 'no leaf zapped' END, NULL, any_value(c.t)
            FROM calls c LEFT JOIN zaps z ON z.trace_id = c.trace_id AND z.pid = c.pid AND z.seq > c.seq AND z.seq < c.ret GROUP BY c.trace_id, c.seq
            UNION ALL
            SELECT trace_id, 'zap', NULL, NULL, NULL, t FROM (
                SELECT c.trace_id, z.ts_ns - lag(z.ts_ns) OVER (PARTITION BY c.trace_id, c.seq ORDER BY z.seq) AS t
                FROM calls c JOIN zaps z ON z.trace_id = c.trace_id AND z.pid = c.pid AND z.seq > c.seq AND z.seq < c.ret) WHERE t IS NOT NULL),
        computed AS (
            SELECT trace_id, quantity, path, outcome, page_kind, count(*) AS n, quantile_disc(t, 0.5) AS p50, quantile_disc(t, 0.9) AS p90,
                   quantile_disc(t, 0.99) AS p99, max(t) AS max
            FROM times GROUP BY ALL),
        ours AS (SELECT trace_id, quantity, path, outcome, page_kind, n, p50, p90, p99, max FROM cost_traced WHERE quantity <> 'function' AND trace_id IN (SELECT trace_id FROM whole)),
        sql AS (SELECT * FROM computed WHERE trace_id IN (SELECT trace_id FROM whole))
        """;

    [Fact]
    public void Traced_latencies_equal_an_independent_computation_in_SQL()
    {
        JsonElement counts = Assert.Single(data.Query($"""
            {Independent}
            SELECT (SELECT count(*) FROM ours) AS ours, (SELECT count(*) FROM sql) AS sql, (SELECT count(*) FROM (FROM ours INTERSECT FROM sql)) AS equal,
                   (SELECT count(DISTINCT quantity) FROM ours) AS quantities
            """));
        Assert.Equal(4, counts.GetProperty("quantities").GetInt32());
        Assert.Equal(counts.GetProperty("ours").GetInt32(), counts.GetProperty("equal").GetInt32());
        Assert.Equal(counts.GetProperty("sql").GetInt32(), counts.GetProperty("equal").GetInt32());
    }

    [Fact]
    public void Counts_of_two_runs_are_identical()
    {
        const string all = "SELECT trace_id, model, count(*) AS rows, bit_xor(hash(c))::VARCHAR AS content FROM cost_counts c GROUP BY ALL ORDER BY ALL";
        string trace = data.Query("SELECT trace_id FROM traces WHERE path LIKE '%6.12-ttmevict%'")[0].GetProperty("trace_id").GetString()!;
        string[] before = [.. data.Query(all).Select(row => row.GetRawText())];
        Assert.NotEmpty(before);
        Assert.Equal(0, data.Run("cost", "-q", "-d", data.Root, "--trace", trace, "--repetitions", "0").Code);
        Assert.Equal(before, data.Query(all).Select(row => row.GetRawText()));
    }

    /// <summary>
    /// Outcomes, references and marks were written by the replay too, from the same models without counting. More by one: the reference
    /// of a second fast lookup, the marks of a leaf that the fault replaces. Of a set, the outcome with which the state goes on is counted.
    /// </summary>
    [Fact]
    public void Counts_agree_with_outcomes()
    {
        JsonElement row = Assert.Single(data.Query("""
            SELECT count(*) AS n, count(*) FILTER (list_contains(string_split(o.outcomes, '|'), c.outcome) AND c.mark_accessed - o.marked_accessed IN (0, 1) AND c.mark_dirty - o.marked_dirty IN (0, 1)
                AND c.ref_get - o.refs_got = c.ref_put - o.refs_put AND c.ref_get - o.refs_got IN (0, 1)) AS same
            FROM cost_counts c JOIN outcomes o USING (trace_id, fault_id, model)
            """));
        Assert.True(row.GetProperty("n").GetInt64() > 50_000);
        Assert.Equal(row.GetProperty("n").GetInt64(), row.GetProperty("same").GetInt64());
    }

    [Fact]
    public void Remapped_pages_touch_no_struct_page_in_merged()
    {
        List<JsonElement> rows = data.Query("SELECT model, sum(page_line)::BIGINT AS lines, sum(ref_get + ref_put)::BIGINT AS refs FROM cost_counts JOIN traces USING (trace_id) WHERE traces.path LIKE '%sample-traces/6.12-ttmevict%' AND cost_counts.path = 'remapped' GROUP BY ALL ORDER BY model");
        Assert.Equal(["current", "merged", "v11"], rows.Select(row => row.GetProperty("model").GetString()));
        Assert.True(rows[0].GetProperty("lines").GetInt64() >= 6138);
        Assert.Equal((0, 0), (rows[1].GetProperty("lines").GetInt64(), rows[1].GetProperty("refs").GetInt64()));
    }

    [Fact]
    public void What_is_printed_says_what_is_inferred_and_assumed()
    {
        Assert.All(data.Runs, run => Assert.Equal(0, run.Code));
        Assert.NotEmpty(JsonDocument.Parse(data.Runs[^1].Output).RootElement.EnumerateArray());
        Assert.Contains("assumed: page tables of 4 levels", data.Runs[^1].Error, StringComparison.Ordinal);
        Assert.Contains("the machine was emulated or slowed (inferred)", data.Runs[^1].Error, StringComparison.Ordinal);
        Assert.Contains("the probes are part of each latency", data.Runs[^1].Error, StringComparison.Ordinal);
        foreach (string show in new[] { "counts", "traced", "probes", "prices", "predictions" })
        {
            ToolResult shown = data.Run("cost", "-q", "-d", data.Root, "--trace", Trace("6.12-ttmsmall"), "--repetitions", "0", "--show", show);
            Assert.Equal((0, ""), (shown.Code, shown.Error));
        }
    }

    [Fact]
    public void Models_are_measured_in_pairs_and_the_baseline_once_more_against_itself()
    {
        using var scratch = new Scratch();
        scratch.Run("ingest", "-q", Path.Combine(Tool.Samples, "6.12-ttmevict.trace.dat"), "-d", scratch["data"]);
        ToolResult result = scratch.Run("cost", "-q", "-d", scratch["data"], "--repetitions", "5", "--show", "measured", "--format", "json");
        Assert.Equal((0, ""), (result.Code, result.Error));
        JsonElement[] all = [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray().Where(row => row.GetProperty("path").GetString() == "all")];
        Assert.Equal(["current", "current (again)", "merged", "v11"], all.Select(row => row.GetProperty("model").GetString()));
        Assert.All(all, row => Assert.True(row.GetProperty("ns").GetDouble() > 0));
        Assert.All(all.Skip(1), row => Assert.InRange(row.GetProperty("ratio").GetDouble(), row.GetProperty("ratio_low").GetDouble(), row.GetProperty("ratio_high").GetDouble()));
    }

    /// <summary>The text has 973 durations, a line each (tests/Ingest.Tests/FtraceText/Golden.md).</summary>
    [Fact]
    public void Durations_of_a_function_graph_text_are_traced_too()
    {
        using var scratch = new Scratch();
        string text = Path.Combine(Tool.Repository, "tests", "Ingest.Tests", "FtraceText", "fgraph.default.txt.zst");
        scratch.Run("ingest", "-q", text, "-d", scratch["data"]);
        Assert.Equal(0, scratch.Run("cost", "-q", "-d", scratch["data"], "--repetitions", "0").Code);
        Assert.Equal("n\n973\n", scratch.Run("query", "-d", scratch["data"], "--sql", "SELECT sum(n)::BIGINT AS n FROM cost_traced WHERE quantity = 'function'").Output);
    }

    [Theory]
    [InlineData("3")]
    [InlineData("-1")]
    [InlineData("many")]
    public void Repetitions_that_tell_nothing_are_refused(string repetitions)
    {
        ToolResult result = Tool.Run("cost", "-d", "nowhere", "--repetitions", repetitions);
        Assert.Equal(2, result.Code);
        Assert.Contains("expected 0, or a number from 5 to 10000", result.Error, StringComparison.Ordinal);
        Assert.Single(result.ErrorLines);
    }

    [Fact]
    public void A_directory_that_is_no_dataset_gets_one_line()
    {
        ToolResult result = Tool.Run("cost", "-d", "nowhere");
        Assert.Equal(3, result.Code);
        Assert.Single(result.ErrorLines);
    }

    private string Trace(string name) =>
        data.Query(string.Create(CultureInfo.InvariantCulture, $"SELECT trace_id FROM traces WHERE path LIKE '%{name}%' LIMIT 1"))[0].GetProperty("trace_id").GetString()!;
}
