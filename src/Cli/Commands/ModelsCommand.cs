using System.CommandLine;
using TraceReplay.Analysis.Query;
using TraceReplay.Cli.Shell;
using TraceReplay.Replay;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Vocabularies;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay models`.</summary>
internal static class ModelsCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        Option<bool> invariants = new("--invariants") { Description = "The invariants that a replay evaluates, instead" };
        Option<bool> vocabulary = new("--vocabulary") { Description = "What outcomes, paths, page kinds, kinds of fault, certainties and assumptions mean, instead" };
        var command = new Command("models", "The models, their settings, the invariants that a replay evaluates, and the words of its tables") { format, output, invariants, vocabulary };
        command.Validators.Add(result =>
        {
            if (result.GetValue(invariants) && result.GetValue(vocabulary))
            {
                result.AddError("give one of --invariants, --vocabulary");
            }
        });
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            RowSet rows = parse.GetValue(invariants) ? Invariants() : parse.GetValue(vocabulary) ? Vocabulary() : new RowSet(
                [new("model", "VARCHAR"), new("settings", "VARCHAR"), new("default", "VARCHAR"), new("summary", "VARCHAR")],
                [.. ModelRegistry.All.Select(m => new object?[] { m.Name, string.Join(' ', m.Settings), m.DefaultSetting, m.Summary })]);
            new RowOutput(parse.GetValue(format), parse.GetValue(output)).Write(rows, terminal, ct);
            terminal.Next("probes");
            return ExitCode.Done;
        }));
        return (command, ["tracereplay models", "tracereplay models --invariants", "tracereplay models --vocabulary", "tracereplay models --format json"]);
    }

    private static RowSet Vocabulary() => new(
        [new("vocabulary", "VARCHAR"), new("value", "VARCHAR"), new("meaning", "VARCHAR")],
        [.. ModelVocabulary.All.SelectMany(v => v.Words.Select(word => new object?[] { v.Name, word.Value, word.Meaning }))]);

    private static RowSet Invariants() => new(
        [new("invariant", "VARCHAR"), new("name", "VARCHAR"), new("evaluated_on", "VARCHAR"), new("statement", "VARCHAR"), new("needs", "VARCHAR"), new("not_evaluated", "VARCHAR")],
        [.. InvariantList.All.Select(i => new object?[] { i.Id, i.Name, i.EvaluatedOn.Length == 0 ? null : i.EvaluatedOn, i.Statement, i.Needs, i.NotEvaluated })]);
}
