using System.CommandLine;
using TraceReplay.Analysis;
using TraceReplay.Analysis.Perfetto;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay export`.</summary>
internal static class ExportCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Option<string> dataset = CommonOptions.Dataset();
        var trace = new Option<string>("--trace") { Description = "The trace, by trace_id or its beginning", HelpName = "ID", Required = true };
        var format = new Option<string?>("--format") { Description = "What to write: a trace for ui.perfetto.dev", HelpName = "perfetto", DefaultValueFactory = _ => "perfetto" };
        Names.OneOf(format, "perfetto");
        var output = new Option<string?>("--output", "-o") { Description = "File to write; - or nothing is standard output", HelpName = "FILE" };
        var command = new Command("export", "Writes the timeline of a trace for another tool: faults, invalidation windows, buffers, models' answers") { dataset, trace, format, output };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            string root = parse.GetValue(dataset)!;
            string id = TraceChoice.Resolve(root, [parse.GetValue(trace)!])[0];
            using DatasetSession session = DatasetSession.Open(root, ct);
            if (parse.GetValue(output) is { } file and not "-")
            {
                WholeFile.Write(file, stream => PerfettoExport.Write(session, id, stream, ct));
                return ExitCode.Done;
            }

            if (Terminal.OutputIsTerminal)
            {
                throw new AnalysisException(AnalysisFailure.Usage, "a Perfetto trace would fill the terminal with bytes: give --output FILE, or redirect");
            }

            terminal.Flush();
            using Stream stream = Console.OpenStandardOutput();
            PerfettoExport.Write(session, id, stream, ct);
            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay export -d night --trace 3f2a --format perfetto -o night.perfetto-trace",
            "tracereplay export -d night --trace 3f2a | zstd > night.perfetto-trace.zst",
        ]);
    }
}
