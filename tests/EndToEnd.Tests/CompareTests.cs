using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// Predictions for a kernel on which the capture was not taken, against that kernel's own capture of the same scenario. The
/// sample captures hold one scenario of three kernels; TRACEREPLAY_CAPTURES names directories with more.
/// </summary>
public partial class CompareTests(SampleDataset samples)
{
    /// <summary>Guest pages that KVM_RUN refused, as the VMM counted them (sample-traces/6.12-ttmevict.truth.txt).</summary>
    private static readonly int s_refused = Truth("6.12-ttmevict").Sum();

    [Fact]
    public void Merged_over_a_6_12_capture_maps_the_pages_that_6_12_refused_as_7_2_did()
    {
        ToolResult result = Compare(samples.Root, "6.12-ttmevict", "7.2-ttmevict", "--fail-on", "infidelity", "--format", "json");
        Assert.Equal(0, result.Code);
        List<JsonElement> rows = [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()];
        Assert.All(rows, r => Assert.Equal("agree", r.GetProperty("verdict").GetString()));
        JsonElement refused = Assert.Single(rows, r => r.GetProperty("captured").GetString() == "EFAULT");
        Assert.Equal(("FIXED", "FIXED", s_refused), (refused.GetProperty("predicted").GetString(), refused.GetProperty("observed").GetString(), refused.GetProperty("pages").GetInt32()));
    }

    [Fact]
    public void A_wrong_model_differs_on_those_pages()
    {
        ToolResult result = Compare(samples.Root, "6.12-ttmevict", "7.2-ttmevict", "--model", "current", "--fail-on", "infidelity", "--pages");
        Assert.Equal(1, result.Code);
        Assert.Equal(s_refused, result.Output.Split('\n').Count(l => l.EndsWith(",differ", StringComparison.Ordinal)));
        Assert.Contains($" {s_refused} differ, 0 cannot be compared", result.Error, StringComparison.Ordinal);
    }

    /// <summary>What each recorded, no model between them: the tail pages that 6.12 refused and 7.2 mapped (their truth files).</summary>
    [Fact]
    public void Two_captures_side_by_side_are_aligned_fault_by_fault()
    {
        ToolResult result = samples.Run("diff", Id(samples.Root, "6.12-ttmevict"), Id(samples.Root, "7.2-ttmevict"), "-d", samples.Root, "--format", "json");
        Assert.Equal((0, ""), (result.Code, result.Error));
        List<JsonElement> rows = [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()];
        List<JsonElement> aligned = rows.FindAll(r => r.GetProperty("part").GetString() == "faults aligned");
        JsonElement differ = Assert.Single(aligned, r => !r.GetProperty("note").GetString()!.EndsWith("alike", StringComparison.Ordinal));
        Assert.Equal(("P4", "EFAULT", "FIXED", $"{s_refused} faults end differently"), (Text(differ, "what"), Text(differ, "a"), Text(differ, "b"), Text(differ, "note")));
        Assert.Contains(rows, r => Text(r, "part") == "latency, median" && Text(r, "note") == "other clock: not compared");

        ToolResult same = samples.Run("diff", Path.Combine(Tool.Samples, "6.12-mmio.trace.dat"), Path.Combine(Tool.Samples, "6.12-mmio.trace.dat"), "-q", "--format", "json");
        Assert.Equal(0, same.Code);
        Assert.All(JsonDocument.Parse(same.Output).RootElement.EnumerateArray(), r => Assert.Matches("^$| alike$|which is no difference$|too few", Text(r, "note")));

        static string Text(JsonElement row, string name) => row.GetProperty(name).GetString() ?? "";
    }

    [Theory]
    [InlineData("nonsense", "expected DATASET/TRACE_ID")]
    [InlineData("{0}/ffffffff", "no trace of it begin with 'ffffffff', expected one")]
    public void What_is_no_trace_gets_one_line(string predicted, string message)
    {
        ToolResult result = samples.Run("compare", "--predicted", string.Format(System.Globalization.CultureInfo.InvariantCulture, predicted, samples.Root), "--observed", samples.Root + "/" + Id(samples.Root, "7.2-ttmevict"));
        Assert.Equal(2, result.Code);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.Single(result.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void Another_setting_than_the_observed_kernels_is_refused()
    {
        ToolResult result = Compare(samples.Root, "7.2-ttmevict", "6.1-ttmevict");
        Assert.Equal(2, result.Code);
        Assert.Contains("the observed kernel is 6.1; run `tracereplay replay -d ", result.Error, StringComparison.Ordinal);
    }

    /// <summary>Issue "the models are the kernel's": 99.9 % of the pages of every scenario, both ways.</summary>
    [Fact]
    public void Every_scenario_of_two_kernels_is_predicted_both_ways()
    {
        using var scratch = new Scratch();
        Dictionary<(string Kernel, string Scenario), string> captures = Captures();
        string[] paths = [.. captures.Values.Order(StringComparer.Ordinal)];
        foreach (string dataset in (ReadOnlySpan<string>)["native", "as612"])
        {
            Assert.Equal(0, scratch.Run(["ingest", "-q", "-d", scratch[dataset], .. paths]).Code);
        }

        Assert.Equal(0, scratch.Run("replay", "-q", "-d", scratch["native"]).Code);
        Assert.Equal(0, scratch.Run("replay", "-q", "-d", scratch["as612"], "--model", "current", "--setting", "6.12").Code);
        Dictionary<string, string> ids = Ids(scratch["native"], scratch);
        foreach ((string from, string to, string dataset) in (ReadOnlySpan<(string, string, string)>)[("6.12", "7.2", "native"), ("7.2", "6.12", "as612"), ("6.1", "7.2", "native"), ("6.1", "6.12", "as612")])
        {
            foreach (((string kernel, string scenario), string path) in captures)
            {
                if (kernel != from || !captures.TryGetValue((to, scenario), out string? other))
                {
                    continue;
                }

                ToolResult result = scratch.Run(
                    "compare",
                    "--predicted", $"{scratch[dataset]}/{ids[path]}",
                    "--observed", $"{scratch["native"]}/{ids[other]}");
                Match totals = Totals().Match(result.Error);
                Assert.True(totals.Success, $"{scenario} {from} to {to}: {result.Error}");
                (double agree, double pages) = (double.Parse(totals.Groups[1].Value, null), double.Parse(totals.Groups[2].Value, null));
                TestContext.Current.TestOutputHelper?.WriteLine($"{scenario} {from} to {to}: {agree} of {pages}");
                Assert.True(agree >= 0.999 * pages && pages > 0, $"{scenario} {from} to {to}: {result.Error}");
            }
        }
    }

    /// <summary>
    /// arm64, and x86 against arm64 of the same kernel version: what the comparison says of a capture of one and of the other. Numbers: the
    /// truth files (434 and 64 pages), what both kernels' VMM counted.
    /// </summary>
    [Theory]
    [InlineData("arm64/6.12/ttmsmall", "arm64/7.2/ttmsmall.max", 0, "441 of 441 pages agree, 0 differ,", null)]
    [InlineData("arm64/6.12/ttmsmall", "arm64/7.2/ttmsmall", 0, " 0 differ, 434 only because the host differs", "host differs: memslot refused (no S2FWB)")]
    [InlineData("traces/6.12/ttmsmall", "arm64/6.12/ttmsmall", 0, "435 of 435 pages agree", null)]
    [InlineData("traces/6.12/ttm", "arm64/6.12/ttm", 0, " 64 differ by a rule of the machine, 0 differ and no rule says why", "a present read-only leaf of remapped memory")]
    [InlineData("traces/6.12/bar", "arm64/6.12/bar", 0, " 0 differ and no rule says why", "block size: arm64 maps")]
    [InlineData("traces/6.12/roslot", "arm64/6.12/roslot", 0, " 0 differ and no rule says why", "execute permission: arm64 grants it")]
    [InlineData("traces/6.12/anon", "arm64/6.12/anon", 0, "2305 of 2305 pages agree", null)]
    public void Two_machines_differ_by_rules_that_have_names(string predicted, string observed, int code, string totals, string? says)
    {
        string?[] paths = [.. new[] { predicted, observed }.Select(name => All().FirstOrDefault(path => path.EndsWith($"/{name}.trace.dat", StringComparison.Ordinal)))];
        Assert.SkipWhen(paths.Contains(null), "needs TRACEREPLAY_CAPTURES with the captures of x86 (traces/) and of arm64 (arm64/)");
        using var scratch = new Scratch();
        Assert.Equal(0, scratch.Run(["ingest", "-q", "-d", scratch["data"], .. paths.OfType<string>()]).Code);
        Assert.Equal(0, scratch.Run("replay", "-q", "-d", scratch["data"]).Code);
        Dictionary<string, string> ids = Ids(scratch["data"], scratch);
        ToolResult result = scratch.Run(
            "compare", "--fail-on", "infidelity",
            "--predicted", $"{scratch["data"]}/{ids[paths[0]!]}",
            "--observed", $"{scratch["data"]}/{ids[paths[1]!]}");
        Assert.Equal(code, result.Code);
        Assert.Contains(totals, result.Error, StringComparison.Ordinal);
        Assert.Contains(says ?? "", result.Output, StringComparison.Ordinal);
    }

    private static IEnumerable<string> All() =>
        (Environment.GetEnvironmentVariable("TRACEREPLAY_CAPTURES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .SelectMany(d => Directory.EnumerateFiles(d, "*.trace.dat", SearchOption.AllDirectories)).Order(StringComparer.Ordinal);

    private static IEnumerable<int> Truth(string name) =>
        File.ReadLines(Path.Combine(Tool.Samples, name + ".truth.txt")).Select(l => Refused().Match(l)).Where(m => m.Success).Select(m => int.Parse(m.Groups[1].Value, null));

    /// <summary>One capture of each kernel and scenario. Races are left out: what a page gives there is a matter of timing.</summary>
    private static Dictionary<(string Kernel, string Scenario), string> Captures()
    {
        Dictionary<(string, string), string> found = [];
        string[] more = (Environment.GetEnvironmentVariable("TRACEREPLAY_CAPTURES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        foreach (string path in more.Append(Tool.Samples).SelectMany(d => Directory.EnumerateFiles(d, "*.trace.dat", SearchOption.AllDirectories)).Where(path => !path.Contains("arm64", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            Match name = Name().Match(path);
            if (name.Success && name.Groups[2].Value != "race" && !path.Contains("/arm64/", StringComparison.Ordinal))
            {
                found.TryAdd((name.Groups[1].Value, name.Groups[2].Value), path);
            }
        }

        return found;
    }

    private ToolResult Compare(string dataset, string predicted, string observed, params string[] options) => samples.Run(
        ["compare", "--predicted", $"{dataset}/{Id(dataset, predicted)}", "--observed", $"{dataset}/{Id(dataset, observed)}", .. options]);

    private string Id(string dataset, string name)
    {
        Assert.Equal(samples.Root, dataset);
        return samples.Query("SELECT trace_id FROM traces WHERE path LIKE '%' || $name || '%'", "name=" + name)[0].GetProperty("trace_id").GetString()!;
    }

    /// <summary>The ids of a dataset's traces by their paths.</summary>
    private static Dictionary<string, string> Ids(string dataset, Scratch scratch)
    {
        ToolResult rows = scratch.Run("query", "-d", dataset, "--format", "json", "--sql", "SELECT path, trace_id FROM traces");
        return JsonDocument.Parse(rows.Output).RootElement.EnumerateArray().ToDictionary(row => row.GetProperty("path").GetString()!, row => row.GetProperty("trace_id").GetString()!);
    }

    [GeneratedRegex(@"efault=(\d+)")]
    private static partial Regex Refused();

    [GeneratedRegex(@": (\d+) of (\d+) pages agree")]
    private static partial Regex Totals();

    [GeneratedRegex(@"(6\.1|6\.12|7\.2)[-/]([a-z.]+)\.trace\.dat$")]
    private static partial Regex Name();
}
