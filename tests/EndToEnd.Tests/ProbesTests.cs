using Xunit;

namespace TraceReplay.EndToEnd.Tests;

public class ProbesTests
{
    [Fact]
    public void The_script_is_one_that_a_shell_takes_and_places_every_event()
    {
        using var scratch = new Scratch();
        scratch.Write("dynamic_events", "p:kprobes/mine do_sys_open\n"u8);
        string script = scratch.Run("probes", "--kernel", "6.12.95+deb12-amd64", "--tracefs", scratch.Root).Output;
        scratch.Write("probes.sh", System.Text.Encoding.UTF8.GetBytes(script));
        using var shell = System.Diagnostics.Process.Start("/bin/sh", [scratch["probes.sh"]]);
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
        string[] placed = File.ReadAllLines(scratch["dynamic_events"]);
        string lines = scratch.Run("--quiet", "probes", "--kernel", "6.12.95+deb12-amd64", "--format", "probe-file").Output;
        Assert.Equal(lines.Split('\n', StringSplitOptions.RemoveEmptyEntries), placed[1..]);
        Assert.Contains("trace-cmd record -C mono ", script, StringComparison.Ordinal);
        Assert.Contains("perf record -a ", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Check_holds_the_definitions_against_types_and_symbols_and_places_nothing()
    {
        using var scratch = new Scratch();
        string types = Path.Combine(Tool.Samples, "..", "tests", "Analysis.Tests", "Probes", "fault.btf");
        scratch.Write("kallsyms", "0000000000000000 t handle\n0000000000000000 t kvm_tdp_page_fault\n"u8);
        ToolResult result = scratch.Run("probes", "--check", "--btf", types, "--kallsyms", scratch["kallsyms"], "--kernel", "6.12.95+deb12-amd64");
        Assert.Equal((1, ""), (result.Code, result.Error));
        Assert.Contains("no types of kvm_tdp_page_fault", result.Output, StringComparison.Ordinal);
        Assert.Contains("definitions of 6.12: 0 right, 28 wrong, 2 cannot be told\n", result.Output, StringComparison.Ordinal);
        Assert.Equal(3, scratch.Run("probes", "--check", "--btf", scratch["kallsyms"]).Code);
        Assert.Equal(4, scratch.Run("probes", "--check", "--btf", scratch["nowhere"]).Code);
        Assert.Equal(2, scratch.Run("probes", "--btf", types).Code);
        Assert.Equal(2, scratch.Run("probes", "--check", "--install").Code);
    }

    [Fact]
    public void Install_adds_to_what_is_there_and_adds_nothing_the_second_time()
    {
        using var scratch = new Scratch();
        scratch.Write("dynamic_events", "p:kprobes/mine do_sys_open\n"u8);
        string[] install = ["probes", "--install", "--kernel", "7.2.12+deb13-amd64", "--tracefs", scratch.Root];
        ToolResult first = scratch.Run(install);
        Assert.Equal((0, "31 events placed, 0 there already, 0 refused"), (first.Code, first.Output.Split('\n')[0]));
        string placed = File.ReadAllText(scratch["dynamic_events"]);
        Assert.StartsWith("p:kprobes/mine do_sys_open\np:tracereplay/", placed, StringComparison.Ordinal);
        Assert.StartsWith("0 events placed, 31 there already, 0 refused\n", scratch.Run(install).Output, StringComparison.Ordinal);
        Assert.Equal(placed, File.ReadAllText(scratch["dynamic_events"]));
        Assert.Equal("31 events removed\n", scratch.Run("probes", "--remove", "--tracefs", scratch.Root).Output);
        // A plain file keeps the commands that tracefs would have carried out.
        string[] removals = [.. File.ReadAllLines(scratch["dynamic_events"]).Where(l => l.StartsWith('-'))];
        Assert.Equal(31, removals.Distinct().Count());
        Assert.All(removals, l => Assert.StartsWith("-:tracereplay/", l, StringComparison.Ordinal));
    }

    [Fact]
    public void The_small_set_is_printed_in_the_same_forms_and_leaves_out_what_would_read_what_is_not_there()
    {
        using var scratch = new Scratch();
        string[] lines = scratch.Run("--quiet", "probes", "--small", "--kernel", "6.12.95+deb12-amd64", "--format", "probe-file").Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(14, lines.Length);
        string script = scratch.Run("probes", "--small", "--kernel", "6.12.95+deb12-amd64").Output;
        Assert.All(lines, line => Assert.Contains($"add '{line}'", script, StringComparison.Ordinal));
        ToolResult old = scratch.Run("probes", "--small", "--kernel", "5.10.0-46-amd64");
        Assert.Equal(0, old.Code);
        Assert.Contains("no struct kvm_page_fault", old.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("kvm_faultin_pfn", old.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40)]
    [InlineData(16, "--small")]
    [InlineData(39, "--kernel", "6.12.95+deb12-arm64")]
    [InlineData(39, "--kernel", "6.12.95")]
    public void Another_machine_has_definitions_of_its_own(int count, params string[] options)
    {
        using var scratch = new Scratch();
        ToolResult file = scratch.Run(["--quiet", "probes", "--arch", "arm64", "--format", "probe-file", .. options]);
        Assert.Equal((0, count), (file.Code, file.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length));
        string script = scratch.Run(["probes", "--arch", "aarch64", .. options]).Output;
        Assert.Contains("kvm_pgtable_stage2_map", script, StringComparison.Ordinal);
        Assert.DoesNotMatch("kvmmmu|kvm_page_fault|kvm_tdp|kvm_amd", script);
    }

    [Theory]
    [InlineData("'6.12.95+deb12-amd64' is a kernel for x86, not for arm64", "--arch", "arm64", "--kernel", "6.12.95+deb12-amd64")]
    [InlineData("expected one of x86, x86_64", "--arch", "riscv")]
    public void A_machine_that_does_not_fit_is_the_persons_mistake(string message, params string[] options)
    {
        using var scratch = new Scratch();
        ToolResult result = scratch.Run(["probes", .. options]);
        Assert.Equal(2, result.Code);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--install")]
    [InlineData("--remove")]
    public void Without_tracefs_or_permission_it_is_exit_code_4_and_one_line(string what)
    {
        using var scratch = new Scratch();
        ToolResult missing = scratch.Run("probes", what, "--kernel", "6.12.1", "--tracefs", scratch.Root);
        Assert.Equal((4, ""), (missing.Code, missing.Output));
        Assert.Contains("dynamic_events: not there", Assert.Single(missing.ErrorLines), StringComparison.Ordinal);
        Directory.CreateDirectory(scratch["dynamic_events"]);
        ToolResult denied = scratch.Run("probes", what, "--kernel", "6.12.1", "--tracefs", scratch.Root);
        Assert.Equal((4, ""), (denied.Code, denied.Output));
        Assert.Contains("no permission: run it as root", Assert.Single(denied.ErrorLines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--kernel", "trixie")]
    [InlineData("--format", "json")]
    [InlineData("--install", "--remove")]
    public void Wrong_usage_is_exit_code_2(params string[] arguments)
    {
        ToolResult result = Tool.Run(["probes", .. arguments]);
        Assert.Equal((2, ""), (result.Code, result.Output));
        Assert.Single(result.ErrorLines);
    }
}
