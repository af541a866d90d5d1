using Xunit;

namespace TraceReplay.EndToEnd.Tests;

public class BadInputTests
{
    private static readonly string s_sample = Path.Combine(Tool.Samples, "6.12-mmio.trace.dat");

    public static TheoryData<string, string> Unreadable => new()
    {
        { "empty", "" },
        { "garbage", Convert.ToHexString([.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 37))]) },
        { "text", Convert.ToHexString("Dear list,\n\nmy guest dies of EFAULT.\n"u8) },
        { "only the magic", "170844747261636967" },
        { "zeros", new string('0', 8192) },
    };

    [Theory]
    [MemberData(nameof(Unreadable))]
    public void What_is_no_capture_is_exit_code_3_one_line_and_nothing_written(string what, string hex)
    {
        using var scratch = new Scratch();
        string file = scratch.Write("bad file", Convert.FromHexString(hex));
        foreach (string[] command in new[] { new[] { "ingest", file, "-d", scratch["data"] }, ["run", file], ["info", file], ["run", file, "-d", scratch["data"]] })
        {
            ToolResult result = scratch.Run(command);
            Assert.True(result.Code == 3, $"{what}: {string.Join(' ', command)}: exit code {result.Code}: {result.Error}");
            Assert.StartsWith($"{file}: offset 0x", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
            Assert.Contains(", expected ", result.Error, StringComparison.Ordinal);
        }

        Assert.False(Directory.Exists(Path.Combine(scratch["data"], "traces", "manifests")) && Directory.EnumerateFiles(scratch["data"], "*", SearchOption.AllDirectories).Any());
        Assert.Empty(scratch.LeftBehind());
    }

    [Theory]
    [InlineData("missing.dat")]
    [InlineData("no/such/*.dat")]
    public void An_input_that_is_not_there_is_exit_code_3(string path)
    {
        ToolResult result = Tool.Run("run", path);
        Assert.Equal(3, result.Code);
        Assert.Contains("no such file", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_without_captures_is_exit_code_3()
    {
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["in"]);
        scratch.Write("in/notes.txt", "hello"u8);
        ToolResult result = scratch.Run("run", scratch["in"]);
        Assert.Equal(3, result.Code);
        Assert.Contains("found no capture among 1 file,", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_with_a_pipe_in_it_does_not_hang()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no FIFOs in directories");
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["in"]);
        System.Diagnostics.Process.Start("mkfifo", scratch["in/pipe"]).WaitForExit();
        Assert.True(File.Exists(scratch["in/pipe"]));
        Assert.Equal(3, scratch.Run("run", scratch["in"]).Code);
    }

    [Fact]
    public void A_truncated_capture_is_one_line_and_never_half_a_dataset()
    {
        byte[] whole = File.ReadAllBytes(s_sample);
        foreach (double share in new[] { 0.0001, 0.01, 0.3, 0.6, 0.9, 0.999 })
        {
            using var scratch = new Scratch();
            string cut = scratch.Write("cut.dat", whole.AsSpan(0, (int)(whole.Length * share)));
            ToolResult result = scratch.Run("ingest", cut, "-d", scratch["data"]);
            Assert.True(result.Code == 3, $"{share}: {result.Code} {result.Error}");
            Assert.StartsWith($"{cut}: offset 0x", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
            string manifests = Path.Combine(scratch["data"], "traces", "manifests");
            if (Directory.Exists(manifests) && Directory.EnumerateFiles(manifests, "*.json").Any())
            {
                Assert.Equal("complete\nfalse\n", scratch.Run("query", "-d", scratch["data"], "--sql", "SELECT complete FROM traces").Output);
            }
            else
            {
                Assert.False(Directory.Exists(scratch["data"]) && Directory.EnumerateFiles(scratch["data"], "*.parquet", SearchOption.AllDirectories).Any(), $"{share}");
            }
        }
    }

    [Fact]
    public void Good_inputs_are_done_and_the_worst_code_wins()
    {
        using var scratch = new Scratch();
        string bad = scratch.Write("bad.dat", "nothing"u8);
        ToolResult result = scratch.Run("ingest", bad, s_sample, scratch["missing"], "-d", scratch["data"]);
        Assert.Equal(3, result.Code);
        Assert.Equal(2, result.ErrorLines.Length);
        Assert.Contains("ingested", result.Output, StringComparison.Ordinal);
        Assert.Equal("n\n1\n", scratch.Run("query", "-d", scratch["data"], "--sql", "SELECT count(*) AS n FROM traces").Output);
    }

    [Theory]
    [InlineData("query", "fidelity")]
    [InlineData("replay")]
    public void A_dataset_that_is_none_is_exit_code_3(params string[] command)
    {
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["empty"]);
        string file = scratch.Write("file", "x"u8);
        foreach (string dataset in new[] { scratch["empty"], file, scratch["missing"] })
        {
            ToolResult result = scratch.Run([.. command, "-d", dataset]);
            Assert.Equal((3, ""), (result.Code, result.Output));
            Assert.StartsWith(dataset + ": found ", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(scratch["empty"]));
    }

    [Theory]
    [InlineData("SELEC 1")]
    [InlineData("FROM nowhere")]
    [InlineData("SELECT $k")]
    public void Wrong_SQL_is_exit_code_2_and_one_line(string sql)
    {
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["traces/manifests"]);
        ToolResult result = scratch.Run("query", "-d", scratch.Root, "--sql", sql);
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.Single(result.ErrorLines);
    }
}
