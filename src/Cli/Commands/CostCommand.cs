using System.CommandLine;
using TraceReplay.Analysis.Cost;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;
using TraceReplay.Replay.Cost.Measuring;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay cost`.</summary>
internal static class CostCommand
{
    private static readonly Dictionary<string, string> s_shows = new()
    {
        ["summary"] = CostQueries.Summary,
        ["counts"] = CostQueries.Counts,
        ["measured"] = CostQueries.Measured,
        ["traced"] = CostQueries.Traced,
        ["probes"] = CostQueries.Probes,
        ["prices"] = CostQueries.Prices,
        ["predictions"] = CostQueries.Predictions,
    };

    public static (Command Command, string[] Examples) Create()
    {
        Option<string> dataset = CommonOptions.Dataset();
        Option<string[]> trace = TraceChoice.Option("Traces whose cost is asked for, by trace_id or its beginning (default: all)");
        var show = new Option<string?>("--show") { Description = "Which table to print (default: summary)", HelpName = string.Join('|', s_shows.Keys) };
        Names.OneOf(show, [.. s_shows.Keys]);
        var repetitions = new Option<int>("--repetitions") { Description = "How often each model is measured, from 5; 0 = not at all", HelpName = "N", DefaultValueFactory = _ => new MeasureOptions().Repetitions };
        repetitions.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && (!int.TryParse(result.Tokens[0].Value, out int n) || n is < 0 or (> 0 and < 5) or > 10_000))
            {
                result.AddError($"--repetitions {result.Tokens[0].Value}: expected 0, or a number from 5 to 10000");
            }
        });
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var command = new Command("cost", "Hot-path cost: operations counted, models measured, latencies traced") { dataset, trace, show, repetitions, format, output };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            string root = parse.GetValue(dataset)!;
            IReadOnlyList<string> ids = TraceChoice.Resolve(root, Names.Split(parse.GetValue(trace)));
            int n = parse.GetValue(repetitions);
            InputProgress.Over(terminal, ids.Count, progress => CostRunner.Run(
                root,
                ids,
                n == 0 ? null : new MeasureOptions { Repetitions = n },
                id => progress.Begin($"cost of {id}"),
                progress.End,
                ct));
            ViewsFile.Write(root);
            using DatasetSession session = DatasetSession.Open(root, ct);
            var rows = new RowOutput(parse.GetValue(format), parse.GetValue(output));
            rows.Write(session, s_shows[parse.GetValue(show) ?? "summary"], new Dictionary<string, string> { ["asked"] = string.Join(',', ids) }, terminal, ct);
            terminal.Flush();
            foreach (string note in CostNotes.Of(session, ids))
            {
                terminal.Note(note);
            }

            terminal.Next("report", "-d", root, "-o", "report.html");
            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay cost -d night",
            "tracereplay cost -d night --trace 3f2a --repetitions 100 --show measured",
            "tracereplay cost -d night --repetitions 0 --show counts --format csv",
        ]);
    }
}
