using System.Diagnostics;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>Who gets a pager: a reader at a terminal, of what is longer than it. script(1) makes the terminal.</summary>
public sealed class PagerTests : IDisposable
{
    private const string Long = "models --vocabulary --format table";
    private readonly Scratch _scratch = new();

    private string Paged => File.ReadAllText(_scratch["paged"]);

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void The_pager_gets_the_whole_table_and_nothing_else()
    {
        string table = Tool.Run(Long.Split(' ')).Output;
        Assert.True(table.Count(c => c == '\n') > 24);
        (int code, string shown) = OnTerminal($"{Keeps} {Tool.ShellWords} {Long}");
        Assert.Equal((0, table), (code, Paged));

        // What is said to who watches comes when the pager is closed.
        Assert.Equal("next: tracereplay probes", shown.Trim());
    }

    [Theory]
    [InlineData("TRACEREPLAY_PAGER=\"cat >paged\" PAGER=false")]
    [InlineData("PAGER=\"cat >paged\"")]
    public void Our_own_variable_wins_over_PAGER(string environment)
    {
        Assert.Equal(0, OnTerminal($"{environment} {Tool.ShellWords} {Long}").Code);
        Assert.NotEmpty(Paged);
    }

    [Theory]
    [InlineData("", $"{Long} --no-pager")]
    [InlineData("TRACEREPLAY_PAGER=cat", Long)]
    [InlineData("TRACEREPLAY_PAGER=", Long)]
    [InlineData("", "models --format table")]
    [InlineData("", "probes --format nothing", 2)]
    public void There_is_none_where_it_is_turned_off_or_all_fits(string environment, string command, int expected = 0)
    {
        (int code, string shown) = OnTerminal($"{Keeps} {environment} {Tool.ShellWords} {command}");
        Assert.Equal(expected, code);
        Assert.False(File.Exists(_scratch["paged"]));
        Assert.StartsWith(Tool.Run(command.Split(' ')).Output, shown, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipe_and_a_file_have_none()
    {
        (int code, string shown) = OnTerminal($"export {Keeps}; {Tool.ShellWords} {Long} | wc -l; {Tool.ShellWords} {Long} >file");
        string table = Tool.Run(Long.Split(' ')).Output;
        Assert.Equal((0, table), (code, File.ReadAllText(_scratch["file"])));
        Assert.Contains($"{table.Count(c => c == '\n')}\n", shown, StringComparison.Ordinal);
        Assert.False(File.Exists(_scratch["paged"]));
    }

    [Fact]
    public void A_pager_that_is_closed_ends_a_query_quietly()
    {
        // Far more rows than could be printed before the test's time is over.
        Directory.CreateDirectory(_scratch["data/traces/manifests"]);
        (int code, string shown) = OnTerminal($"TRACEREPLAY_PAGER=\"head -2 >paged\" {Tool.ShellWords} -q query -d data --format csv --sql \"FROM range(1000000000000)\"");
        Assert.Equal((0, "range\n0\n", ""), (code, Paged, shown));
    }

    [Fact]
    public void A_pager_that_is_closed_leaves_the_code_to_the_command()
    {
        string sample = Path.Combine(Tool.Samples, "6.12-ttmsmall.trace.dat");
        (int code, string shown) = OnTerminal($"TRACEREPLAY_PAGER=true {Tool.ShellWords} -q run '{sample}' --fail-on divergence:merged");
        Assert.Equal(1, code);
        Assert.Matches(@"^--fail-on divergence:merged: \d+ found\n$", shown);
    }

    [Fact]
    public void A_pager_that_cannot_be_run_is_said()
    {
        (int code, string shown) = OnTerminal($"TRACEREPLAY_PAGER=no-such-pager {Tool.ShellWords} -q {Long}");
        Assert.Equal(4, code);
        Assert.EndsWith("the pager `no-such-pager` cannot be run (--no-pager prints without one)\n", shown, StringComparison.Ordinal);
    }

    private const string Keeps = "TRACEREPLAY_PAGER=\"cat >paged\"";

    /// <summary>Runs a line of shell on a terminal of 24 rows.</summary>
    private (int Code, string Shown) OnTerminal(string line)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "needs script(1) to make a terminal");
        var start = new ProcessStartInfo("/usr/bin/script", ["-qec", $"stty rows 24 cols 100; {line}", "/dev/null"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = _scratch.Root,
        };
        start.Environment["TMPDIR"] = _scratch.Root;

        // One that knows no keys: the runtime then writes nothing to set them up.
        start.Environment["TERM"] = "dumb";
        using Process script = Process.Start(start)!;
        Task<string> shown = script.StandardOutput.ReadToEndAsync();
        Assert.True(script.WaitForExit(TimeSpan.FromMinutes(2)), "still running");
        return (script.ExitCode, shown.Result.Replace("\r\n", "\n", StringComparison.Ordinal));
    }
}
