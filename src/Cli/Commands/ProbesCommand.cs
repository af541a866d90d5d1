using System.CommandLine;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Knowledge;
using TraceReplay.Analysis.Probes;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay probes`.</summary>
internal static class ProbesCommand
{
    private const string RunningKernel = "/proc/sys/kernel/osrelease";

    /// <summary>For those who have nothing installed and a guest that hangs now (docs/reporting.md).</summary>
    private static string Recipe(Machine machine) => $"""

        # Without probes, a few events tell most (docs/reporting.md); send the file that this leaves, as an attachment:
        #   trace-cmd record -e kvm:{(machine == Machine.Arm64 ? "kvm_guest_fault" : "kvm_page_fault")} -e kvm:kvm_exit -e kvm:kvm_entry -e kvm:kvm_userspace_exit -e {(machine == Machine.Arm64 ? "kvm:kvm_mmio -e kvm:kvm_unmap_hva_range" : "'kvmmmu:*'")} -C mono sleep 10

        """;

    public static (Command Command, string[] Examples) Create()
    {
        var kernel = new Option<string?>("--kernel") { Description = "Release of the kernel, as uname -r prints it (default: the running one)", HelpName = "RELEASE" };
        kernel.CompletionSources.Add([.. ProbeCatalog.All.Select(g => g.VerifiedOn)]);
        var arch = new Option<string?>("--arch") { Description = "Its architecture (default: the one that RELEASE names, else the running machine's)", HelpName = "x86|arm64" };
        Names.OneOf(arch, [.. Machines.All]);
        var small = new Option<bool>("--small") { Description = "The few that give most of the coverage, instead of all" };
        var check = new Option<bool>("--check") { Description = "Hold the definitions against the kernel's own types and symbols, and place nothing" };
        var btf = new Option<string[]>("--btf") { Description = "With --check: files of types, the kernel's first, then its modules' (default: those of the running kernel)", HelpName = "FILE", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };
        var kallsyms = new Option<string?>("--kallsyms") { Description = "With --check: its symbols, as /proc/kallsyms lists them", HelpName = "FILE" };
        var install = new Option<bool>("--install") { Description = "Place the events; those that are there stay as they are" };
        var remove = new Option<bool>("--remove") { Description = "Take all events of group tracereplay away" };
        var tracefs = new Option<string>("--tracefs") { Description = "Where tracefs is mounted", HelpName = "DIR", DefaultValueFactory = _ => TracefsDirectory.DefaultPath };
        var format = new Option<string?>("--format") { Description = "shell: a script that places them, with the recording commands; probe-file: lines for dynamic_events", HelpName = "shell|probe-file" };
        Names.OneOf(format, "shell", "probe-file");
        var command = new Command("probes", "The dynamic events and the recording command that give a replay all it can use") { kernel, arch, small, check, btf, kallsyms, install, remove, tracefs, format };
        command.Validators.Add(result =>
        {
            if (new[] { check, install, remove }.Count(result.GetValue) > 1)
            {
                result.AddError("give one of --check, --install, --remove");
            }

            if (!result.GetValue(check) && (result.GetValue(btf) is { Length: > 0 } || result.GetValue(kallsyms) is not null))
            {
                result.AddError("--btf and --kallsyms are for --check");
            }

            if (result.GetValue(small) && result.GetValue(remove))
            {
                result.AddError("--remove takes all events away: --small says nothing there");
            }
        });
        command.SetAction(Guard.Action((parse, terminal, _) =>
        {
            var directory = new TracefsDirectory(parse.GetValue(tracefs)!);
            if (parse.GetValue(remove))
            {
                terminal.Out.WriteLine($"{ProbeInstaller.Remove(directory).Count} events removed");
                return ExitCode.Done;
            }

            Machine? machine = Machines.Named(parse.GetValue(arch));
            if (parse.GetValue(check))
            {
                return Check(parse.GetValue(btf)!, parse.GetValue(kallsyms), parse.GetValue(kernel), machine, parse.GetValue(small), terminal);
            }

            ProbeChoice choice = ProbeCatalog.For(parse.GetValue(kernel) ?? Release(machine, terminal), parse.GetValue(small), machine);
            if (parse.GetValue(install))
            {
                if (machine is { } other && other != Machines.Running)
                {
                    throw new AnalysisException(AnalysisFailure.Usage, $"--install places events in the running kernel, which is not {Machines.Name(other)}'s");
                }

                Install(directory, choice, terminal);
            }
            else if (parse.GetValue(format) == "probe-file")
            {
                ProbeScript.WriteProbeFile(terminal.Out, choice);
                Explain(choice, terminal);
            }
            else
            {
                ProbeScript.WriteShell(terminal.Out, choice, parse.GetValue(tracefs)!);
                if (parse.GetValue(small))
                {
                    terminal.Out.Write(Recipe(choice.Generation.Machine));
                }
            }

            terminal.Flush();
            terminal.Next("info", "trace.dat");

            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay probes",
            "tracereplay probes --kernel 6.12.95+deb12-amd64 --format probe-file",
            "tracereplay probes --small --kernel 6.12.95+deb12-amd64",
            "tracereplay probes --small --arch arm64 --kernel 6.12.95",
            "sudo tracereplay probes --check",
            "tracereplay probes --check --btf vmlinux.btf kvm.btf --kallsyms kallsyms.txt --kernel 6.12.95+deb12-amd64",
            "sudo tracereplay probes --install",
            "sudo tracereplay probes --remove",
        ]);
    }

    private static int Check(string[] btf, string? kallsyms, string? release, Machine? machine, bool small, Terminal terminal)
    {
        ProbeCheck kernel = btf.Length == 0 ? ProbeCheck.OfRunning(kallsyms) : ProbeCheck.Of(btf, kallsyms);
        List<ProbeGeneration> all = [.. ProbeCatalog.Of(machine ?? Machines.OfRelease(release ?? "") ?? Machines.Running)];
        ProbeGeneration best = kernel.Best(all);
        ProbeGeneration asked = release is not null || btf.Length == 0 ? ProbeCatalog.For(release ?? Release(machine, terminal), small, machine).Generation : best;
        IReadOnlyList<ProbeVerdict> verdicts = kernel.Check(asked, small ? asked.Small : asked.Definitions);
        int Count(ProbeFit fit) => verdicts.Count(v => v.Fit == fit);
        TextTable.Write(terminal.Out, [new("event"), new("function"), new("fits"), new("why")], [.. verdicts.Select(v => new[] { v.Definition.Name, v.Definition.Function, v.Fit switch { ProbeFit.Right => "right", ProbeFit.Wrong => "wrong", _ => "cannot be told" }, v.Reason })]);
        terminal.Out.WriteLine($"definitions of {asked.Name}: {Count(ProbeFit.Right)} right, {Count(ProbeFit.Wrong)} wrong, {Count(ProbeFit.Unknown)} cannot be told");
        if (best != asked && kernel.Check(best, best.Definitions).Count(v => v.Fit == ProbeFit.Wrong) < kernel.Check(asked, asked.Definitions).Count(v => v.Fit == ProbeFit.Wrong))
        {
            terminal.Out.WriteLine($"those of {best.Name} fit better: --kernel {best.VerifiedOn}");
        }

        return Count(ProbeFit.Wrong) > 0 ? ExitCode.Findings : ExitCode.Done;
    }

    /// <summary>The running kernel's, or the newest that is known of another machine.</summary>
    private static string Release(Machine? machine, Terminal terminal)
    {
        if (machine is not { } other || other == Machines.Running)
        {
            return File.ReadAllText(RunningKernel).Trim();
        }

        string newest = ProbeCatalog.Of(other).Last().VerifiedOn;
        terminal.Note($"this machine is not {Machines.Name(other)}: definitions for {newest}; --kernel RELEASE names another");
        return newest;
    }

    private static void Install(TracefsDirectory directory, ProbeChoice choice, Terminal terminal)
    {
        IReadOnlyList<ProbeResult> results = ProbeInstaller.Install(directory, choice);
        Explain(choice, terminal);
        foreach (ProbeResult result in results.Where(r => r.Reason is not null))
        {
            string what = result.State == ProbeState.Refused ? "not placed" : "placed with the return value only";
            string loses = result.Loses is null ? "" : $"; a replay then lacks: {result.Loses}";
            terminal.Warning($"{result.Name} on {result.Function}: {what} ({result.Reason}){loses}");
        }

        int Count(params ProbeState[] states) => results.Count(r => states.Contains(r.State));
        terminal.Out.WriteLine($"{Count(ProbeState.Placed, ProbeState.PlacedInPart)} events placed, {Count(ProbeState.Present)} there already, {Count(ProbeState.Refused)} refused");
        terminal.Out.WriteLine(RecordingCommand.TraceCmd("COMMAND", choice.Generation.Machine));
        terminal.Out.WriteLine(RecordingCommand.Perf("COMMAND", choice.Generation.Machine));
    }

    private static void Explain(ProbeChoice choice, Terminal terminal)
    {
        foreach (string note in choice.Notes)
        {
            terminal.Note(note);
        }
    }
}
