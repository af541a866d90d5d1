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
