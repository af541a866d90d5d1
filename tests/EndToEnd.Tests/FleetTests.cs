using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>Nights that FleetMaker makes from the samples.</summary>
public sealed partial class FleetTests(SampleDataset samples)
{
    private static readonly string s_maker = Path.Combine(AppContext.BaseDirectory, "FleetMaker.dll");

    [Fact]
    public void A_made_capture_is_replayed_as_the_beginning_of_its_sample()
    {
        const string faults = """
            SELECT kernel, parse_filename(traces.path) AS file, fault_id, gfn, access, kind, observed_outcome, observed_pfn, observed_level, model, outcome, pfn, level, outcomes.page_kind AS page_kind, outcomes.path AS path
            FROM faults JOIN outcomes USING (trace_id, fault_id) JOIN traces USING (trace_id) ORDER BY ALL
            """;
        using Scratch scratch = new();
        Run("dotnet", [s_maker, "--samples", Tool.Samples, "--out", scratch["inbox"], "--captures", "5", "--hosts", "1"], scratch.Root);
        Assert.Equal(0, scratch.Run("run", "-q", "-d", scratch["data"], scratch["inbox"]).Code);
        ToolResult answer = scratch.Run("query", "-d", scratch["data"], "--format", "json", "--sql", faults);
        Assert.True(answer.Code == 0, answer.Error);

        Dictionary<string, string> expected = samples.Query(faults).ToDictionary(Key, Values);
        List<JsonElement> made = [.. JsonDocument.Parse(answer.Output).RootElement.EnumerateArray()];
        Assert.All(made, row => Assert.Equal(expected[Key(row)], Values(row)));
        Assert.Equal(5, made.Select(r => r.GetProperty("file").GetString()).Distinct().Count());
        Assert.True(made.Count > 5 * 3 * 90, $"{made.Count} rows");
    }

    [Fact]
    public void A_night_with_regressions_says_first_what_changed_and_draws_it()
    {
        using Scratch scratch = new();
        string[] fleet = [s_maker, "--samples", Tool.Samples, "--out", scratch["inbox"], "--captures", "20", "--hosts", "4", "--classes", "1", "--plant-class", "--factor", "2"];
        Run("dotnet", [.. fleet, "--nights", "4"], scratch.Root);
        Run("dotnet", [.. fleet, "--first-night", "4", "--plant", "1", "--kinds", "latency,lost"], scratch.Root);
        ToolResult night = scratch.Run("nightly", "--inbox", scratch["inbox"], "-d", scratch["data"], "--out", scratch["out"], "--settle", "0");
        Assert.True(night.Code is 0 or 1, night.Error);
        string page = scratch["out/report.html"];
        string text = File.ReadAllText(page);
        Assert.InRange(text.IndexOf("What changed", StringComparison.Ordinal), 0, text.IndexOf("The fleet", StringComparison.Ordinal));
        Assert.InRange(text.IndexOf("the median latency of a fault (p50) is", StringComparison.Ordinal), 0, text.IndexOf("<nav", StringComparison.Ordinal));

        // No label of a drawn picture is cut.
        Assert.DoesNotContain("…</text>", text, StringComparison.Ordinal);

        using Browser browser = Browser.Start();
        foreach ((int width, bool dark) in (ReadOnlySpan<(int, bool)>)[(390, true), (1280, false)])
        {
            browser.Open(page, width, dark);
            Assert.Equal("", browser.Undrawn());
            Assert.Equal("Latencies that grew|Latencies night by night|Shares night by night", browser.Ask<string>("return [...document.querySelectorAll('figure.chart h4')].map(h => h.textContent).join('|')"));
            Assert.Equal(width, browser.Ask<long>("return document.documentElement.scrollWidth"));
        }

        Assert.Empty(browser.Complaints());
        Assert.All(browser.Requests(), url => Assert.True(url == new Uri(page).AbsoluteUri || url.StartsWith("data:,", StringComparison.Ordinal), url));
    }

    /// <summary>What deploy/ asks of the program, the program has.</summary>
    [Fact]
    public void Deployed_commands_use_options_that_exist()
    {
        string help = Tool.Run("nightly", "--help").Output;
        string[] files = [.. Directory.EnumerateFiles(Path.Combine(Tool.Repository, "deploy"), "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".md", StringComparison.Ordinal) && File.ReadAllText(f).Contains("nightly", StringComparison.Ordinal))];
        Assert.True(files.Length >= 4, string.Join(' ', files));
        foreach (string file in files)
        {
            // From the word `nightly` on: what stands before it are options of other programs.
            string text = ContinuedLine().Replace(File.ReadAllText(file), " ");
            foreach (Match option in text.Split('\n').Where(l => !l.StartsWith('#')).SelectMany(l => Option().Matches(l[(l + "nightly").IndexOf("nightly", StringComparison.Ordinal)..])))
            {
                Assert.True(help.Contains(option.Value + " ", StringComparison.Ordinal) || option.Value is "--quiet", $"{file}: {option.Value}");
            }
        }
    }

    [Fact]
    public void Who_uploads_and_who_reads_reach_their_part_of_a_deployed_job_and_no_more()
    {
        Assert.SkipUnless(Environment.UserName == "root" && File.Exists("/usr/bin/systemd-sysusers") && File.Exists("/usr/bin/systemd-tmpfiles"), "needs root, systemd-sysusers and systemd-tmpfiles");
        (int code, string output) = Run("bash", [Path.Combine(Tool.Repository, "tests", "fleet", "groups.sh")], "/tmp");
        Assert.True(code == 0, output);
        Assert.EndsWith("ok", output.TrimEnd(), StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(?<![\w-])--[a-z][a-z-]+")]
    private static partial Regex Option();

    [GeneratedRegex(@"\\\n\s*")]
    private static partial Regex ContinuedLine();

    [GeneratedRegex(@"^[0-9.]+-|\..*$")]
    private static partial Regex AroundScenario();

    private static string Key(JsonElement row) => string.Create(
        CultureInfo.InvariantCulture,
        $"{row.GetProperty("kernel").GetString()} {AroundScenario().Replace(row.GetProperty("file").GetString()!, "")} {row.GetProperty("fault_id")} {row.GetProperty("model").GetString()}");

    private static string Values(JsonElement row) => string.Join(' ', row.EnumerateObject().Where(p => p.Name != "file").Select(p => $"{p.Name}={p.Value.GetRawText()}"));

    internal static (int Code, string Output) Run(string program, string[] arguments, string temporary)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["TRACEREPLAY"] = string.Join(" ", Tool.Words);
        start.Environment["FLEETMAKER"] = $"dotnet {s_maker}";
        start.Environment["TMPDIR"] = temporary;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error.Result + "\n" + output);
    }
}
