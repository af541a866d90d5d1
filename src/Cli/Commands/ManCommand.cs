using System.CommandLine;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay man`: the manual page.</summary>
internal static class ManCommand
{
    public static (Command Command, string[] Examples) Create(IReadOnlyDictionary<Command, string[]> examples)
    {
        var command = new Command("man", "Prints the manual page");
        command.SetAction(Guard.Action((parse, terminal, _) =>
        {
            new ManPage(terminal.Out, examples).Write((RootCommand)parse.RootCommandResult.Command);
            return ExitCode.Done;
        }));
        return (command, ["tracereplay man | man -l -", "tracereplay man > /usr/local/share/man/man1/tracereplay.1"]);
    }
}
