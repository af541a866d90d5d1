using System.CommandLine;
using TraceReplay.Analysis.Report;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay report`.</summary>
internal static class ReportCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Option<string> dataset = CommonOptions.Dataset();
        Option<string[]> trace = TraceChoice.Option("Traces to report on, by trace_id or its beginning (default: all)");
        var output = new Option<string>("--output", "-o") { Description = "The page to write", HelpName = "FILE.html", Required = true };
        var command = new Command("report", "Writes one self-contained HTML page with pictures: fidelity, findings, outcomes, divergences, windows, latency, cost") { dataset, trace, output };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            string root = parse.GetValue(dataset)!;
            string file = parse.GetValue(output)!;
            IReadOnlyList<string> ids = TraceChoice.Resolve(root, Names.Split(parse.GetValue(trace)));
            using DatasetSession session = DatasetSession.Open(root, ct);
            string[] asked = [.. (parse.GetValue(trace) ?? []).Length == 0 ? [] : ids];
            ReportWriter.Write(session, ids, file, new ReportOrigin(root, Terminal.Spelled(["report", "-d", root, .. asked.Length == 0 ? [] : asked.Prepend("--trace"), "-o", "report.html"])), ct);
            terminal.Note($"report: {file}");
            terminal.Next("query", "-d", root, "--list");
            return ExitCode.Done;
        }));
        return (command,
        [
            "tracereplay report -d night -o report.html",
            "tracereplay report -d night --trace 3f2a -o report.html",
        ]);
    }
}
