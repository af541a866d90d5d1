using System.CommandLine;
using TraceReplay.Analysis.Cost;
using TraceReplay.Analysis.Report;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay run`: from captures to a verdict.</summary>
internal static class RunCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        Argument<string[]> captures = CaptureInputs.Argument();
        var dataset = new Option<string?>("--dataset", "-d") { Description = "Keep the data in this dataset (default: a temporary one)", HelpName = "DATASET" };
        Option<string[]> model = CommonOptions.Model();
        Option<string?> setting = CommonOptions.Setting();
        Option<string?> kernel = CommonOptions.Kernel();
        Option<string?> scenario = CommonOptions.Scenario();
        Option<int> jobs = CommonOptions.Jobs();
        Option<bool> ignoreProbes = CommonOptions.IgnoreProbes();
        Option<string[]> failOn = CommonOptions.FailOn();
        var report = new Option<string?>("--report") { Description = "Write a page with pictures too", HelpName = "FILE.html" };
        var mail = new Option<bool>("--mail") { Description = "The verdict as text for a mail: 72 columns, the capture's SHA-256, the commands to repeat it" };
        var command = new Command("run", "From captures to a verdict: ingest, replay, and a summary to read in a minute") { captures, dataset, report, mail, model, setting, kernel, scenario, ignoreProbes, jobs, failOn };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            CaptureInputs inputs = CaptureInputs.Resolve(parse.GetValue(captures)!);
            if (!inputs.Announce(parse.GetValue(captures)!, terminal))
            {
                return ExitCode.Input;
            }

            string? kept = parse.GetValue(dataset);
            string root = kept ?? Path.Combine(Path.GetTempPath(), $"tracereplay-run-{Guid.NewGuid():N}");
            try
            {
                (IReadOnlyList<Ingested> done, int code) = Pipeline.Ingest(inputs, root, new IngestOptions { Jobs = parse.GetValue(jobs), Kernel = parse.GetValue(kernel), Scenario = parse.GetValue(scenario) }, terminal, ct, isKept: kept is not null);
                if (done.Count == 0)
                {
                    return code;
                }

                List<string> ids = [.. done.Select(d => d.Result.TraceId).Distinct()];
                Pipeline.Replay(root, ids, CommonOptions.Replay(parse.GetValue(model), parse.GetValue(setting), parse.GetValue(kernel)) with { IgnoreProbes = parse.GetValue(ignoreProbes) }, terminal, ct, isKept: kept is not null);

                // What a large capture took to read is garbage by now, and DuckDB does not know of it.
                if (GC.GetTotalMemory(forceFullCollection: false) > 16 << 20)
                {
                    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                }

                using DatasetSession session = DatasetSession.Open(root, ct);
                IReadOnlyList<TraceSummary> summaries = SummaryReader.Read(session, ids);
                if (parse.GetValue(mail))
                {
                    new MailWriter(terminal.Out, Asked((kernel.Name, parse.GetValue(kernel)), (setting.Name, parse.GetValue(setting)), (model.Name, string.Join(',', parse.GetValue(model) ?? [])))).Write(summaries);
                }
                else
                {
                    new SummaryWriter(terminal.Out, kept, Terminal.Width).Write(summaries);
                }

                if (parse.GetValue(report) is { } file)
                {
                    terminal.Flush();

                    // Counted and traced; measuring takes longer than all the rest, and `cost` does it where it is asked for.
                    CostRunner.Run(root, ids, measure: null, ct: ct);
                    if (kept is not null)
                    {
                        ViewsFile.Write(root);
                    }

                    using DatasetSession costed = DatasetSession.Open(root, ct);
                    ReportWriter.Write(costed, ids, file, new ReportOrigin(kept, Terminal.Spelled(["run", .. parse.GetValue(captures)!, .. kept is null ? [] : (string[])["-d", kept], "--report", "report.html"])), ct);
                    terminal.Note($"report: {file}");
                }

                Findings.Ask(session, ids);
                return Math.Max(code, Findings.Check(session, Names.Split(parse.GetValue(failOn)), terminal));
            }
            finally
            {
                if (kept is null && Directory.Exists(root))
                {
                    Directory.Delete(root, recursive: true);
                }
            }
        }));
        return (command,
        [
            "tracereplay run sample-traces",
            "tracereplay run capture.trace.dat -d night",
            "tracereplay run sample-traces --report report.html",
            "tracereplay run pasted.txt --kernel 6.12.95",
            "tracereplay run capture.trace.dat --mail",
            "tracereplay run 'captures/*.dat' --model current --fail-on infidelity",
        ]);
    }

    private static string Asked(params ReadOnlySpan<(string Name, string? Value)> options)
    {
        string asked = "";
        foreach ((string name, string? value) in options)
        {
            asked += string.IsNullOrEmpty(value) ? "" : $" {name} {value}";
        }

        return asked;
    }
}
