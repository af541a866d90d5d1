using System.CommandLine;
using TraceReplay.Analysis.Query;
using TraceReplay.Cli.Shell;
using TraceReplay.Replay;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay models`.</summary>
internal static class ModelsCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var command = new Command("models", "The models and their settings") { format, output };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            var rows = new RowSet(
                [new("model", "VARCHAR"), new("settings", "VARCHAR"), new("default", "VARCHAR"), new("summary", "VARCHAR")],
                [.. ModelRegistry.All.Select(m => new object?[] { m.Name, string.Join(' ', m.Settings), m.DefaultSetting, m.Summary })]);
            new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(rows, terminal, ct);
            return ExitCode.Done;
        }));
        return (command, ["tracereplay models", "tracereplay models --format json"]);
    }
}
