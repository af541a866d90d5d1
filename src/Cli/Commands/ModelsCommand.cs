using System.CommandLine;
using TraceReplay.Analysis.Query;
using TraceReplay.Cli.Shell;
using TraceReplay.Replay;
using TraceReplay.Replay.Invariants;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay models`.</summary>
internal static class ModelsCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        Option<bool> invariants = new("--invariants") { Description = "The invariants that a replay evaluates, instead" };
        var command = new Command("models", "The models, their settings, and the invariants that a replay evaluates") { format, output, invariants };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            RowSet rows = parse.GetValue(invariants) ? Invariants() : new RowSet(
                [new("model", "VARCHAR"), new("settings", "VARCHAR"), new("default", "VARCHAR"), new("summary", "VARCHAR")],
                [.. ModelRegistry.All.Select(m => new object?[] { m.Name, string.Join(' ', m.Settings), m.DefaultSetting, m.Summary })]);
            new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(rows, terminal, ct);
            terminal.Next("probes");
            return ExitCode.Done;
        }));
        return (command, ["tracereplay models", "tracereplay models --invariants", "tracereplay models --format json"]);
    }

    private static RowSet Invariants() => new(
        [new("invariant", "VARCHAR"), new("name", "VARCHAR"), new("evaluated_on", "VARCHAR"), new("statement", "VARCHAR"), new("needs", "VARCHAR"), new("not_evaluated", "VARCHAR")],
        [.. InvariantList.All.Select(i => new object?[] { i.Id, i.Name, i.EvaluatedOn.Length == 0 ? null : i.EvaluatedOn, i.Statement, i.Needs, i.NotEvaluated })]);
}
