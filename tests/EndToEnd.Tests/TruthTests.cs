using System.Globalization;
using System.Text.Json;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>What the program says of the sample captures, against what the VMM that made them saw (*.truth.txt).</summary>
public class TruthTests(SampleDataset samples)
{
    public static TheoryData<string> Captures =>
        [.. Directory.EnumerateFiles(Tool.Samples, "*.trace.dat").Select(f => Path.GetFileName(f)[..^".trace.dat".Length]).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Captures))]
    public void The_pages_that_got_EFAULT_are_those_of_the_ground_truth(string capture)
    {
        ulong[] truth = [.. Truth(capture)];
        ulong[] observed = Gfns(capture, "SELECT gfn FROM faults WHERE observed_outcome = 'EFAULT'");
        Assert.Equal(truth, observed);
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void The_model_of_the_captured_kernel_refuses_exactly_those_pages(string capture)
    {
        string model = capture.StartsWith("7.", StringComparison.Ordinal) ? "merged" : "current";
        Assert.Equal(Truth(capture), Gfns(capture, $"SELECT gfn FROM outcomes JOIN faults USING (trace_id, fault_id) WHERE outcome = 'EFAULT' AND model = '{model}'"));
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void Merged_refuses_none_of_them(string capture) =>
        Assert.Empty(Gfns(capture, "SELECT gfn FROM outcomes JOIN faults USING (trace_id, fault_id) WHERE outcome = 'EFAULT' AND model = 'merged'"));

    [Theory]
    [MemberData(nameof(Captures))]
    public void Fidelity_of_outcome_is_99_per_cent_or_better_and_every_miss_is_listed(string capture)
    {
        JsonElement row = Assert.Single(samples.Query(
            "SELECT matched + missed AS decided, matched, missed + f.lost AS misses, coverage, (SELECT count(*) FROM fidelity_misses m WHERE m.trace_id = f.trace_id AND m.quantity = 'outcome') AS listed "
            + $"FROM fidelity f JOIN traces USING (trace_id) WHERE quantity = 'outcome' AND path LIKE '%/' || $capture || '.trace.dat'", $"capture={capture}"));
        Assert.InRange(row.GetProperty("matched").GetInt64(), Math.Ceiling(row.GetProperty("decided").GetInt64() * 0.99), row.GetProperty("decided").GetInt64());
        Assert.Equal(1.0, row.GetProperty("coverage").GetDouble());
        Assert.Equal(row.GetProperty("misses").GetInt64(), row.GetProperty("listed").GetInt64());
    }

    [Fact]
    public void Every_fault_stands_in_one_column_of_fidelity()
    {
        IReadOnlyList<JsonElement> rows = [.. samples.Query("""
            SELECT t.path, quantity, total, matched + in_set + missed + f.lost + read_off + unknown + unobserved AS columns,
                   coverage IS NOT DISTINCT FROM (matched + in_set + missed) / nullif(total, 0) AS covered,
                   (SELECT count(*) FROM faults WHERE trace_id = t.trace_id) AS faults,
                   missed + f.lost AS misses, (SELECT count(*) FROM fidelity_misses m WHERE m.trace_id = t.trace_id AND m.quantity = f.quantity) AS listed
            FROM fidelity f JOIN traces t USING (trace_id)
            """)];
        Assert.Equal(9 * Captures.Count, rows.Count);
        Assert.All(rows, row =>
        {
            Assert.Equal(row.GetProperty("total").GetInt64(), row.GetProperty("columns").GetInt64());
            Assert.True(row.GetProperty("covered").GetBoolean());
            Assert.Equal(row.GetProperty("misses").GetInt64(), row.GetProperty("listed").GetInt64());
            if (row.GetProperty("quantity").GetString() == "outcome")
            {
                Assert.Equal(row.GetProperty("faults").GetInt64(), row.GetProperty("total").GetInt64());
            }
        });
    }

    [Fact]
    public void The_summary_names_the_cause_of_the_divergence()
    {
        string text = string.Join(' ', samples.Result.Output.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("6,138 faults on P4: current EFAULT, v11 and merged FIXED. Tail page (refcount 0) of a non-compound TTM block", text, StringComparison.Ordinal);
        Assert.All(samples.Result.Output.Split('\n'), line => Assert.InRange(line.Length, 0, 100));
    }

    [Theory]
    [InlineData("divergence", 0)]
    [InlineData("divergence:v11", 1)]
    [InlineData("lost", 0)]
    [InlineData("infidelity", 0)]
    [InlineData("divergence:merged,lost", 1)]
    public void Fail_on_turns_findings_into_exit_code_1(string kinds, int code)
    {
        using Scratch own = samples.Copy();
        ToolResult result = own.Run("replay", "-d", own["data"], "--fail-on", kinds);
        Assert.Equal(code, result.Code);
        Assert.Equal(code, result.ErrorLines.Count(l => l.StartsWith("--fail-on divergence:", StringComparison.Ordinal)));
    }

    [Fact]
    public void Replay_takes_one_trace_by_the_beginning_of_its_id()
    {
        string id = samples.Query("SELECT trace_id FROM traces ORDER BY 1 LIMIT 1")[0].GetProperty("trace_id").GetString()!;
        using Scratch own = samples.Copy();
        ToolResult result = own.Run("replay", "-d", own["data"], "--trace", id[..6], "--model", "current,merged", "--setting", "6.8");
        Assert.True(result.Code == 0, result.Error);
        Assert.Equal(2, result.Output.TrimEnd().Split('\n').Length);
        Assert.Equal(2, own.Run("replay", "-d", own["data"], "--trace", "zz").Code);
        Assert.Equal(2, own.Run("replay", "-d", own["data"], "--model", "merged", "--setting", "6.8").Code);
        Assert.Equal(0, own.Run("replay", "-d", own["data"], "--trace", id).Code);
    }

    // A page may fault again after the VMM has retried it: the set of pages is what the truth file tells.
    private ulong[] Gfns(string capture, string select) =>
        [.. samples.Query($"SELECT DISTINCT gfn FROM ({select.Replace("SELECT gfn FROM", "SELECT gfn, trace_id FROM", StringComparison.Ordinal)}) JOIN traces USING (trace_id) WHERE path LIKE '%/' || $capture || '.trace.dat' ORDER BY gfn", $"capture={capture}")
            .Select(r => r.GetProperty("gfn").GetUInt64())];

    private static IEnumerable<ulong> Truth(string capture) => File.ReadLines(Path.Combine(Tool.Samples, capture + ".truth.txt"))
        .Where(l => l.StartsWith("op ", StringComparison.Ordinal))
        .Select(l => l.Split("efault_ranges=")[1].Split(' ')[0])
        .Where(r => r != "-")
        .SelectMany(r => r.Split(','))
        .SelectMany(Pages)
        .Distinct()
        .Order();

    private static IEnumerable<ulong> Pages(string range)
    {
        ulong[] ends = [.. range.Split('-').Select(e => ulong.Parse(e.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> 12)];
        for (ulong gfn = ends[0]; gfn < ends[1]; gfn++)
        {
            yield return gfn;
        }
    }
}
