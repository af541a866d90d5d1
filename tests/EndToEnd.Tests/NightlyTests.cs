using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>The scheduled job over an inbox of samples: good, damaged, growing; twice, killed, two at once.</summary>
public partial class NightlyTests
{
    private const string Night = "2026-11-20";
    private static readonly string[] s_files = ["report.html", "junit.xml", "summary.json", "metrics.prom"];

    [Fact]
    public void A_night_with_a_damaged_capture_is_done_and_reported_and_the_second_run_does_nothing()
    {
        using var scratch = new Scratch();
        Fill(scratch, "6.12-mmio", "6.12-ttmsmall");
        string cut = Path.Combine(Folder(scratch, "h1"), "cut.trace.dat");
        File.WriteAllBytes(cut, File.ReadAllBytes(Sample("6.12-mmio")).AsSpan(0, 3000));
        File.Copy(Path.Combine(Tool.Samples, "6.12-mmio.truth.txt"), Path.Combine(Folder(scratch, "h1"), "6.12-mmio.truth.txt"));

        ToolResult first = Nightly(scratch);
        Assert.Equal(3, first.Code);
        Assert.StartsWith(cut + ": offset 0x", Assert.Single(first.ErrorLines), StringComparison.Ordinal);
        Assert.Equal("inbox: 4 files, 3 new captures, 1 new file is no capture", first.Output.Split('\n')[0]);
        using (JsonDocument summary = JsonDocument.Parse(File.ReadAllText(scratch["out/summary.json"])))
        {
            Assert.Equal(Night, summary.RootElement.GetProperty("night").GetString());
            Assert.Equal(2, summary.RootElement.GetProperty("captures").GetInt32());
            Assert.Equal("no verdict yet", summary.RootElement.GetProperty("verdict").GetString());
            Assert.StartsWith(cut, summary.RootElement.GetProperty("failures")[0].GetString(), StringComparison.Ordinal);
        }

        XElement junit = XDocument.Load(scratch["out/junit.xml"]).Root!;
        Assert.Equal(cut, (string?)Assert.Single(junit.Descendants("failure")).Parent!.Attribute("name"));
        Assert.All(junit.Elements("testsuite"), s => Assert.Equal(s.Elements("testcase").Count(), (int)s.Attribute("tests")!));
        AssertMetrics(File.ReadAllLines(scratch["out/metrics.prom"]));

        string[] before = Files(scratch);
        ToolResult second = Nightly(scratch);
        Assert.Equal((0, ""), (second.Code, second.Error));
        Assert.StartsWith("inbox: 4 files, 0 new captures\n", second.Output, StringComparison.Ordinal);
        Assert.Equal(before, Files(scratch));
    }

    [Fact]
    public void A_file_that_changed_just_now_is_left_for_the_next_run()
    {
        using var scratch = new Scratch();
        Fill(scratch, "6.12-mmio");
        File.SetLastWriteTimeUtc(Path.Combine(Folder(scratch, "h1"), "6.12-mmio.trace.dat"), DateTime.UtcNow);
        ToolResult young = Nightly(scratch, "--settle", "3600");
        Assert.Equal((0, "inbox: 1 file, 0 new captures, 1 too young and left for the next run\n"), (young.Code, young.Output));
        Assert.StartsWith("inbox: 1 file, 1 new capture\n", Nightly(scratch).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_second_run_at_the_same_time_says_who_holds_the_dataset()
    {
        using var scratch = new Scratch();
        Fill(scratch, "6.12-mmio");
        Directory.CreateDirectory(scratch["data/nightly"]);
        using FileStream held = new(scratch["data/nightly/lock-all"], FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        File.WriteAllText(scratch["data/nightly/lock-all.holder"], "process 42 on elsewhere\n");
        ToolResult refused = Nightly(scratch);
        Assert.Equal(4, refused.Code);
        Assert.Contains("process 42 on elsewhere", Assert.Single(refused.ErrorLines), StringComparison.Ordinal);
    }

    /// <summary>Shards between them do the inbox, each once; the run without a shard then only reports.</summary>
    [Fact]
    public void Shards_do_the_inbox_between_them()
    {
        using var scratch = new Scratch();
        Fill(scratch, "6.12-mmio", "6.12-ttmsmall", "6.1-ttmevict");
        int done = 0;
        for (int shard = 1; shard <= 2; shard++)
        {
            ToolResult result = Nightly(scratch, "--shard", $"{shard}/2");
            Assert.Equal(0, result.Code);
            done += int.Parse(NewCaptures().Match(result.Output).Groups[1].Value, CultureInfo.InvariantCulture);
            Assert.False(Directory.Exists(scratch["out"]));
        }

        Assert.Equal(3, done);
        Assert.StartsWith("inbox: 3 files, 0 new captures\n", Nightly(scratch).Output, StringComparison.Ordinal);
        AssertSameAsUndisturbed(scratch);
    }

    [Fact]
    public void Killed_and_run_again_it_leaves_what_an_undisturbed_run_leaves()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "SIGKILL");
        using var scratch = new Scratch();
        Fill(scratch, "6.12-mmio", "6.12-ttmsmall", "6.1-ttmevict");
        foreach (int milliseconds in new[] { 700, 1400, 2500 })
        {
            using Process process = Tool.Start(Arguments(scratch, []), scratch.Root);
            process.StandardInput.Close();
            if (!process.WaitForExit(milliseconds))
            {
                process.Kill();
                process.WaitForExit();
            }
        }

        Assert.Equal(0, Nightly(scratch).Code);
        AssertSameAsUndisturbed(scratch);
    }

    private static void AssertSameAsUndisturbed(Scratch scratch)
    {
        using var calm = new Scratch();
        Fill(calm, "6.12-mmio", "6.12-ttmsmall", "6.1-ttmevict");
        Assert.Equal(0, Nightly(calm).Code);
        Assert.Equal(Files(calm), Files(scratch));
        const string sql = """
            SELECT 'faults' AS t, count(*) AS n, sum(hash(f)) AS h FROM faults f UNION ALL SELECT 'outcomes', count(*), sum(hash(o)) FROM outcomes o
            UNION ALL SELECT 'night_stats', count(*), sum(hash(s)) FROM night_stats s UNION ALL SELECT 'kvm_page_fault', count(*), sum(hash(e)) FROM kvm_page_fault e
            """;
        Assert.Equal(Query(calm, sql), Query(scratch, sql));
    }

    private static string Query(Scratch scratch, string sql)
    {
        ToolResult result = scratch.Run("query", "-d", scratch["data"], "--format", "csv", "--sql", sql);
        Assert.Equal((0, ""), (result.Code, result.Error));
        return result.Output;
    }

    /// <summary>Prometheus' text format: each sample's metric has been described, and its value is a number.</summary>
    private static void AssertMetrics(string[] lines)
    {
        HashSet<string> described = [];
        foreach (string line in lines)
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                Assert.True(described.Add(line.Split(' ')[2]), line);
                continue;
            }

            Match sample = Sampled().Match(line);
            Assert.True(line.StartsWith("# HELP ", StringComparison.Ordinal) || (sample.Success && described.Contains(sample.Groups["name"].Value) && double.TryParse(sample.Groups["value"].Value, CultureInfo.InvariantCulture, out _)), line);
        }

        Assert.Contains("tracereplay_night_captures 2", lines);
        Assert.Contains("tracereplay_night_failed_captures 1", lines);
    }

    private static void Fill(Scratch scratch, params string[] samples)
    {
        foreach (string sample in samples)
        {
            Directory.CreateDirectory(Folder(scratch, "h1"));
            File.Copy(Sample(sample), Path.Combine(Folder(scratch, "h1"), sample + ".trace.dat"));
        }
    }

    private static string Folder(Scratch scratch, string host) => scratch[$"inbox/amd/{host}/{Night}"];

    private static string Sample(string name) => Path.Combine(Tool.Samples, name + ".trace.dat");

    // The page alone says where its dataset lies, and the command that made it.
    private static string[] Files(Scratch scratch) => [.. s_files.Select(f => File.ReadAllText(scratch["out/" + f]).Replace(scratch.Root, "ROOT", StringComparison.Ordinal))];

    private static string[] Arguments(Scratch scratch, string[] more) =>
        ["nightly", "--inbox", scratch["inbox"], "-d", scratch["data"], "--out", scratch["out"], .. more.Contains("--settle") ? more : [.. more, "--settle", "0"]];

    private static ToolResult Nightly(Scratch scratch, params string[] more) => scratch.Run(Arguments(scratch, more));

    [GeneratedRegex(@"(\d+) new captures?")]
    private static partial Regex NewCaptures();

    [GeneratedRegex("""^(?<name>[a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? (?<value>\S+)$""")]
    private static partial Regex Sampled();
}
