using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>The README's commands and its result are the program's own.</summary>
public class ReadmeTests(SampleDataset samples)
{
    private const string Elision = "…";

    private static readonly string[] s_readme = File.ReadAllLines(Path.Combine(Tool.Repository, "README.md"));

    [Fact]
    public void The_result_shown_is_what_the_first_command_prints()
    {
        Assert.Equal("dotnet run -c Release --project src/Cli -- run sample-traces", Fence("sh", 0).Single());
        ToolResult result = Tool.Run("run", "sample-traces");
        Assert.Equal(0, result.Code);
        List<string> printed = [.. result.Output.Split('\n')];
        foreach (string[] part in Parts(Fence("text", 0)))
        {
            int at = Enumerable.Range(0, printed.Count).FirstOrDefault(i => printed.Skip(i).Take(part.Length).SequenceEqual(part), -1);
            Assert.True(at >= 0, $"the README shows this, the program does not print it (any more):\n{string.Join('\n', part)}\n\nThe program prints:\n{result.Output}");
            printed.RemoveRange(0, at + part.Length);
        }
    }

    [Fact]
    public void The_second_command_runs_all_tests() => Assert.Equal("dotnet test -c Release", Fence("sh", 1).Single());

    [Fact]
    public void The_line_for_stock_DuckDB_names_the_file_that_a_dataset_has()
    {
        Assert.Equal("cd DATASET && duckdb -init views.sql", Fence("sh", 2).Single());
        Assert.StartsWith("-- ", File.ReadLines(Path.Combine(samples.Root, "views.sql")).First(), StringComparison.Ordinal);
    }

    /// <summary>TRACEREPLAY_WRITE_DOCS=1 writes it anew.</summary>
    [Fact]
    public void The_picture_shown_is_the_one_in_the_report_of_a_sample()
    {
        const string title = "Faults and windows";
        string file = Path.Combine(Tool.Repository, "docs", "images", "faults-and-windows.svg");
        using var scratch = new Scratch();
        string page = scratch["report.html"];
        string id = samples.Query("SELECT trace_id FROM traces WHERE path LIKE '%6.12-ttmevict.trace.dat'").Single().GetProperty("trace_id").GetString()!;
        Assert.Equal(0, samples.Run("report", "-q", "-d", samples.Root, "--trace", id, "-o", page).Code);
        string html = File.ReadAllText(page);
        int begin = html.LastIndexOf("<svg", html.IndexOf($"aria-label=\"{title}\"", StringComparison.Ordinal), StringComparison.Ordinal);
        string drawn = html[begin..(html.IndexOf("</svg>", begin, StringComparison.Ordinal) + "</svg>".Length)];

        // On a page of its own it has no page's colours and font.
        drawn = drawn.Replace("<svg class=\"static\"", "<svg xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\"", StringComparison.Ordinal)
            .Replace("fill=\"currentColor\"", "fill=\"#1b1f24\"", StringComparison.Ordinal)
            .Replace("><", ">\n<", StringComparison.Ordinal);
        drawn = drawn.Insert(drawn.IndexOf('>', StringComparison.Ordinal) + 1, "\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>") + "\n";
        if (Environment.GetEnvironmentVariable("TRACEREPLAY_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, drawn);
        }

        Assert.Equal(File.ReadAllText(file), drawn);
        Assert.Contains("](docs/images/faults-and-windows.svg)", string.Join('\n', s_readme), StringComparison.Ordinal);
    }

    [Fact]
    public void Links_lead_somewhere()
    {
        string[] targets = [.. s_readme.SelectMany(l => System.Text.RegularExpressions.Regex.Matches(l, @"\]\(([^)#]+)\)").Select(m => m.Groups[1].Value))];
        Assert.NotEmpty(targets);
        Assert.All(targets, t => Assert.True(Path.Exists(Path.Combine(Tool.Repository, t)), t));
    }

    private static string[] Fence(string language, int index)
    {
        int begin = Enumerable.Range(0, s_readme.Length).Where(i => s_readme[i] == "```" + language).ElementAt(index) + 1;
        return [.. s_readme.Skip(begin).TakeWhile(l => l != "```")];
    }

    // Blank lines around an elision belong to it.
    private static IEnumerable<string[]> Parts(string[] shown)
    {
        string[] rest = shown;
        while (rest.Length > 0)
        {
            string[] part = [.. rest.TakeWhile(l => l != Elision)];
            rest = [.. rest.Skip(part.Length + 1)];
            yield return [.. part.SkipWhile(l => l.Length == 0).Reverse().SkipWhile(l => l.Length == 0).Reverse()];
        }
    }
}
