using System.CommandLine;
using TraceReplay.Analysis.Probes;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay probes`.</summary>
internal static class ProbesCommand
{
    private const string RunningKernel = "/proc/sys/kernel/osrelease";

    /// <summary>For those who have nothing installed and a guest that hangs now (docs/reporting.md).</summary>
    private const string Recipe = """

        # Without probes, four events and those of the MMU tell most (docs/reporting.md); send the file that this leaves, as an attachment:
        #   trace-cmd record -e kvm:kvm_page_fault -e kvm:kvm_exit -e kvm:kvm_entry -e kvm:kvm_userspace_exit -e 'kvmmmu:*' -C mono sleep 10

        """;

    public static (Command Command, string[] Examples) Create()
    {
        var kernel = new Option<string?>("--kernel") { Description = "Release of the kernel, as uname -r prints it (default: the running one)", HelpName = "RELEASE" };
        kernel.CompletionSources.Add([.. ProbeCatalog.All.Select(g => g.VerifiedOn)]);
        var small = new Option<bool>("--small") { Description = "The few that give most of the coverage, instead of all" };
        var install = new Option<bool>("--install") { Description = "Place the events; those that are there stay as they are" };
        var remove = new Option<bool>("--remove") { Description = "Take all events of group tracereplay away" };
        var tracefs = new Option<string>("--tracefs") { Description = "Where tracefs is mounted", HelpName = "DIR", DefaultValueFactory = _ => TracefsDirectory.DefaultPath };
        var format = new Option<string?>("--format") { Description = "shell: a script that places them, with the recording commands; probe-file: lines for dynamic_events", HelpName = "shell|probe-file" };
        Names.OneOf(format, "shell", "probe-file");
        var command = new Command("probes", "The dynamic events and the recording command that give a replay all it can use") { kernel, small, install, remove, tracefs, format };
        command.Validators.Add(result =>
        {
            if (result.GetValue(install) && result.GetValue(remove))
            {
                result.AddError("give one of --install, --remove");
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

            ProbeChoice choice = ProbeCatalog.For(parse.GetValue(kernel) ?? File.ReadAllText(RunningKernel).Trim(), parse.GetValue(small));
            if (parse.GetValue(install))
            {
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
                    terminal.Out.Write(Recipe);
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
            "sudo tracereplay probes --install",
            "sudo tracereplay probes --remove",
        ]);
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
        terminal.Out.WriteLine(RecordingCommand.TraceCmd("COMMAND"));
        terminal.Out.WriteLine(RecordingCommand.Perf("COMMAND"));
    }

    private static void Explain(ProbeChoice choice, Terminal terminal)
    {
        foreach (string note in choice.Notes)
        {
            terminal.Note(note);
        }
    }
}
