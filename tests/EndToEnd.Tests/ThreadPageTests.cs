using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>
/// The numbers of docs/thread.md are the answers of queries/thread: each is asked again of the captures that the page names. The
/// samples are always there; the rows of other captures are compared when TRACEREPLAY_CAPTURES names the directories with them.
/// </summary>
public sealed partial class ThreadPageTests(SampleDataset samples)
{
    private static readonly string s_page = Path.Combine(Path.GetDirectoryName(Tool.Samples)!, "docs", "thread.md");

    [Fact]
    public void Every_number_on_the_page_is_what_its_query_answers()
    {
        PageTable[] tables = [.. Tables()];
        Assert.Equal(
            Directory.EnumerateFiles(Path.Combine(Path.GetDirectoryName(Tool.Samples)!, "queries", "thread"), "*.sql").Select(f => "thread/" + Path.GetFileNameWithoutExtension(f)).Order(),
            tables.Select(t => t.Query).Order());

        Dictionary<(string Kernel, string Scenario), string> captures = Captures([.. tables.SelectMany(t => t.Captures)]);
        using Scratch scratch = new();
        string dataset = samples.Root;
        if (captures.Values.Any(c => !c.StartsWith(Tool.Samples, StringComparison.Ordinal)))
        {
            dataset = scratch["thread"];
            ToolResult run = scratch.Run(["run", "--quiet", "-d", dataset, .. captures.Values]);
            Assert.True(run.Code == 0, run.Error);

            // The fix of what came after is no model that is replayed by itself.
            ToolResult ids = scratch.Run("query", "-d", dataset, "--format", "json", "--sql", "SELECT trace_id FROM traces WHERE path LIKE '%vgem.trace.dat'");
            foreach (JsonElement id in JsonDocument.Parse(ids.Output).RootElement.EnumerateArray())
            {
                ToolResult fix = scratch.Run("replay", "--quiet", "-d", dataset, "--trace", id.GetProperty("trace_id").GetString()!, "--model", "current,v11,merged,merged@mkwrite");
                Assert.True(fix.Code == 0, fix.Error);
            }
        }

        foreach (PageTable table in tables)
        {
            ToolResult result = scratch.Run("query", "-d", dataset, "--format", "json", table.Query);
            Assert.True(result.Code == 0, result.Error);
            JsonElement[] answer = [.. JsonDocument.Parse(result.Output).RootElement.EnumerateArray()];
            foreach ((string kernel, string scenario) capture in table.Captures.Where(captures.ContainsKey))
            {
                string[] asked = [.. answer.Where(r => Cell(r, "kernel") == capture.kernel && Cell(r, "scenario") == capture.scenario).Select(r => Row(r, table.Columns))];
                Assert.NotEmpty(asked);
                Assert.Equal(asked, table.Rows.Where(r => r.StartsWith($"{capture.kernel} | {capture.scenario} | ", StringComparison.Ordinal)));
            }

            TestContext.Current.TestOutputHelper?.WriteLine($"{table.Query}: {table.Captures.Count(captures.ContainsKey)} of {table.Captures.Length} captures at hand");
        }
    }

    [Fact]
    public void Every_row_on_the_page_belongs_to_a_capture_that_it_names()
    {
        foreach (PageTable table in Tables())
        {
            Assert.All(table.Rows, row => Assert.Contains((row.Split(" | ")[0], row.Split(" | ")[1]), table.Captures));
            Assert.All(table.Captures, c => Assert.Contains(table.Rows, r => r.StartsWith($"{c.Kernel} | {c.Scenario} | ", StringComparison.Ordinal)));
        }
    }

    private static string Row(JsonElement row, string[] columns) => string.Join(" | ", columns.Select(c => Shown(row.GetProperty(c), c)));

    private static string Shown(JsonElement value, string column) => value.ValueKind switch
    {
        JsonValueKind.Null => "–",
        JsonValueKind.Number when column != "kernel" => value.GetDecimal().ToString("N0", CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static string Cell(JsonElement row, string column) => row.GetProperty(column).ToString();

    // A table follows a comment that says its query and its captures: `thread/NAME: SCENARIO KERNEL…, SCENARIO KERNEL…`.
    private static IEnumerable<PageTable> Tables()
    {
        foreach (Match match in Table().Matches(File.ReadAllText(s_page)))
        {
            string[][] rows = [.. match.Groups["table"].Value.TrimEnd().Split('\n').Select(l => l.Trim('|', ' ').Split(" | "))];
            yield return new PageTable(
                match.Groups["query"].Value,
                [.. match.Groups["captures"].Value.Split(',').Select(c => c.Split(' ', StringSplitOptions.RemoveEmptyEntries)).SelectMany(c => c.Skip(1).Select(kernel => (kernel, c[0])))],
                rows[0],
                [.. rows.Skip(2).Select(r => string.Join(" | ", r))]);
        }
    }

    private static Dictionary<(string Kernel, string Scenario), string> Captures(HashSet<(string, string)> named)
    {
        string[] more = (Environment.GetEnvironmentVariable("TRACEREPLAY_CAPTURES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        Dictionary<(string, string), string> found = [];
        foreach (string path in more.Append(Tool.Samples).SelectMany(d => Directory.EnumerateFiles(d, "*.trace.dat", SearchOption.AllDirectories)).Where(path => !path.Contains("arm64", StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            // Those of another machine lie in a folder of its name.
            Match name = Name().Match(path);
            (string, string) capture = (name.Groups[2].Value + (name.Groups[1].Success ? "-arm64" : ""), name.Groups[3].Value);
            if (name.Success && named.Contains(capture))
            {
                found.TryAdd(capture, path);
            }
        }

        return found;
    }

    [GeneratedRegex(@"<!-- (?<query>thread/\w+): (?<captures>.*?) -->\n\n(?<table>(?:\|.*\n)+)")]
    private static partial Regex Table();

    [GeneratedRegex(@"(arm64/)?(6\.1|6\.12|7\.2)[-/.]([a-z.]+)\.trace\.dat$")]
    private static partial Regex Name();

    /// <summary>A table of the page.</summary>
    private sealed record PageTable(string Query, (string Kernel, string Scenario)[] Captures, string[] Columns, string[] Rows);
}
