using System.Diagnostics;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

/// <summary>How the program behaves among other processes: signals, closed pipes, standard input.</summary>
public class ProcessTests
{
    private static readonly string s_sample = Path.Combine(Tool.Samples, "7.2-ttmevict.trace.dat");

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void A_signal_ends_a_run_cleanly(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix signals");
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["tmp"]);

        // A test run in the background may have been told to ignore interrupts, and a program inherits that.
        using Process process = Tool.Start(["run", "-"], scratch.Root, new Dictionary<string, string> { ["TMPDIR"] = scratch["tmp"] }, ["env", "--default-signal=INT,TERM"]);

        // More of a capture than a pipe holds, and no end of it: once it is written, the program reads, and is surely still at work.
        process.StandardInput.BaseStream.Write(File.ReadAllBytes(s_sample).AsSpan(0, 3_000_000));
        process.StandardInput.BaseStream.Flush();
        Assert.False(process.HasExited);
        Process.Start("kill", ["-s", signal, process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]).WaitForExit();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)), "still waiting for its input");
        Assert.Equal((130, "interrupted\n"), (process.ExitCode, process.StandardError.ReadToEnd()));
        Assert.Empty(scratch.LeftBehind());
    }

    [Fact]
    public void A_reader_that_goes_away_is_no_failure()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs a Unix shell");
        using var scratch = new Scratch();
        Directory.CreateDirectory(scratch["traces/manifests"]);
        using Process shell = Process.Start(new ProcessStartInfo("bash",
            ["-c", $"{Tool.ShellWords} query -d '{scratch.Root}' --sql 'FROM range(1000000)' | head -2; echo ${{PIPESTATUS[0]}}"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Assert.Equal("range\n0\n0\n", shell.StandardOutput.ReadToEnd());
        Assert.Equal("", shell.StandardError.ReadToEnd());
    }

    [Fact]
    public void Nothing_but_text_reaches_a_pipe()
    {
        ToolResult result = Tool.Run("run", s_sample);
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.DoesNotContain('\x1b', result.Output);
    }
}
