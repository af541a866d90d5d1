using System.Text.Json;
using Xunit;

namespace TraceReplay.EndToEnd.Tests;

public class UsageTests
{
    public static TheoryData<string> Commands => ["run", "info", "ingest", "replay", "query", "models", "completion", "man"];

    [Theory]
    [InlineData("")]
    [InlineData("nosuch")]
    [InlineData("run")]
    [InlineData("ingest x.dat")]
    [InlineData("ingest x.dat -d")]
    [InlineData("ingest x.dat -d y --date yesterday")]
    [InlineData("ingest x.dat -d y --jobs 0")]
    [InlineData("ingest x.dat -d y --jobs many")]
    [InlineData("replay -d y --model v12")]
    [InlineData("replay -d y --setting 5.4")]
    [InlineData("replay")]
    [InlineData("replay -d y --script z")]
    [InlineData("replay -d y --vendor npt")]
    [InlineData("replay --script z --fail-on lost")]
    [InlineData("replay --script z --vendor arm")]
    [InlineData("run x.dat --fail-on doom")]
    [InlineData("run x.txt --kernel debian")]
    [InlineData("run x.dat --no-such-option")]
    [InlineData("query -d y")]
    [InlineData("query fidelity")]
    [InlineData("query -d y fidelity --sql SELECT")]
    [InlineData("query -d y fidelity --param novalue")]
    [InlineData("query -d y --schema --sql SELECT")]
    [InlineData("query --explain")]
    [InlineData("query -d y fidelity --format markdown")]
    [InlineData("models --invariants --vocabulary")]
    [InlineData("models --format xml")]
    [InlineData("models extra")]
    [InlineData("completion tcsh")]
    public void Wrong_usage_is_exit_code_2_and_one_line(string line)
    {
        ToolResult result = Tool.Run(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.Contains("--help` shows how it is used)", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qurey --list", "'qurey' is no command; did you mean query? (")]
    [InlineData("zzz", "'zzz' is no command (")]
    [InlineData("run x.dat --datset y", "'--datset' is no option; did you mean --dataset? (")]
    [InlineData("models --formt csv", "'--formt' is no option; did you mean --format? (")]
    [InlineData("query fidelty --explain", "no query named 'fidelty'; did you mean fidelity?; there are: ")]
    [InlineData("query -d y fidelity --param gnf=1", "--param gnf: the query has no $gnf; it takes no parameters")]
    [InlineData("query --schema fauls", "no view of ours is called 'fauls'; did you mean faults?; ")]
    public void A_word_that_is_not_known_is_told_with_the_nearest(string line, string start)
    {
        ToolResult result = Tool.Run(line.Split(' '));
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.StartsWith(start, Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    [Fact]
    public void The_dictionary_needs_no_dataset()
    {
        Assert.StartsWith("view,column,type,unit,meaning,null_means,values,since\nfaults,trace_id,VARCHAR,", Tool.Run("query", "--schema", "faults").Output, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(Path.Combine(Tool.Repository, "docs", "dataset.md")), Tool.Run("query", "--schema", "--format", "markdown").Output);
        Assert.Contains("\npath,gup_fast,", Tool.Run("models", "--vocabulary").Output, StringComparison.Ordinal);
        string explained = Tool.Run("query", "efault_causes", "--explain").Output;
        Assert.StartsWith("Which guest pages got EFAULT, on the kernel or in a model, and why?\n\ncolumns     file (base name", explained, StringComparison.Ordinal);
        Assert.Contains("\nthen        a P4 row", explained, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_command_explains_itself_with_examples(string command)
    {
        ToolResult result = Tool.Run(command, "--help");
        Assert.Equal((0, ""), (result.Code, result.Error));
        Assert.Contains("Examples:", result.Output, StringComparison.Ordinal);
        Assert.Contains($"tracereplay {command}", result.Output.Split("Examples:")[1], StringComparison.Ordinal);
        Assert.Contains($"  {command} ", Tool.Run("--help").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Models_are_printed_in_every_format()
    {
        Assert.StartsWith("model,settings,default,summary\ncurrent,", Tool.Run("models").Output, StringComparison.Ordinal);
        Assert.Contains("INV-31,NO_SPURIOUS_EFAULT,", Tool.Run("models", "--invariants").Output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(Tool.Run("models", "--format", "json").Output);
        Assert.Equal(["current", "v11", "merged"], json.RootElement.EnumerateArray().Select(m => m.GetProperty("model").GetString()));
        Assert.StartsWith("model    settings", Tool.Run("models", "--format", "table").Output, StringComparison.Ordinal);
        Assert.StartsWith("PAR1", Tool.Run("models", "--format", "parquet").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Completion_knows_commands_options_and_queries()
    {
        Assert.Equal("query", Tool.Run("[suggest:15]", "tracereplay que").Output.Trim());
        Assert.Contains("--setting", Tool.Run("[suggest:22]", "tracereplay replay --se").Output, StringComparison.Ordinal);
        Assert.Equal("efault_causes", Tool.Run("[suggest:20]", "tracereplay query ef").Output.Trim());
        foreach (string shell in new[] { "bash", "zsh", "fish" })
        {
            Assert.Contains("[suggest:", Tool.Run("completion", shell).Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_manual_page_has_every_command_and_option_and_is_roff()
    {
        string page = Tool.Run("man").Output;
        foreach (string command in Commands.Select(row => row.Data))
        {
            Assert.Contains($".SS tracereplay {command}", page, StringComparison.Ordinal);
        }

        Assert.Contains(@"\fB\-\-fail\-on KIND,...\fR", page, StringComparison.Ordinal);
        Assert.All(page.Split('\n').Where(line => line.StartsWith('.')), line => Assert.Matches(@"^\.(TH|SH|SS|TP|PP|B|EX|EE)\b", line));
    }

    [Fact]
    public void On_a_terminal_each_command_names_the_next_one_and_in_a_pipe_none_does()
    {
        // script(1) gives the program a terminal.
        using var terminal = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("script", ["-qec", $"{Tool.ShellWords} query --list", "/dev/null"]) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        string shown = terminal.StandardOutput.ReadToEnd();
        terminal.WaitForExit();
        Assert.Contains("next: tracereplay query -d DATASET faults_by_outcome", shown, StringComparison.Ordinal);
        Assert.Equal("", Tool.Run("query", "--list").Error);
    }

    [Fact]
    public void A_full_disk_is_the_environments_fault()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "there is no /dev/full here");
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh", ["-c", $"{Tool.ShellWords} models > /dev/full"]) { RedirectStandardError = true })!;
        string error = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        Assert.Equal(4, shell.ExitCode);
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }
}
