using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>What a person sees on a narrow, a usual and a wide terminal, held to the letter. TRACEREPLAY_WRITE_DOCS=1 writes it anew: read what changed.</summary>
public sealed class WidthTests
{
    /// <summary>Words that cannot be parted, as ids and commands, and tables go beyond a narrow line; prose does not.</summary>
    [Theory]
    [InlineData(60)]
    [InlineData(80)]
    [InlineData(200)]
    public void A_summary_is_set_for_the_width_that_there_is(int columns)
    {
        string file = Path.Combine(Tool.Repository, "tests", "EndToEnd.Tests", "Golden", $"run-{columns}.txt");
        using var scratch = new Scratch();
        ToolResult result = Tool.Run(
            ["run", "sample-traces/6.12-ttmsmall.trace.dat", "sample-traces/6.12-mmio.trace.dat"],
            input: null,
            Tool.Repository,
            new Dictionary<string, string> { ["COLUMNS"] = $"{columns}", ["TMPDIR"] = scratch.Root });
        Assert.True(result.Code == 0, result.Error);
        if (Environment.GetEnvironmentVariable("TRACEREPLAY_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, result.Output);
        }

        Assert.Equal(File.ReadAllText(file), result.Output);
        string[] verdict = [.. result.Output.Split('\n').Skip(1).TakeWhile(line => !line.StartsWith("  captured", StringComparison.Ordinal))];
        Assert.All(verdict, line => Assert.InRange(line.Length, 0, columns));
    }
}
