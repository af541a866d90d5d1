using System.CommandLine;
using TraceReplay.Analysis.Compare;
using TraceReplay.Analysis.Views;
using TraceReplay.Cli.Shell;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay;

namespace TraceReplay.Cli.Commands;

/// <summary>`tracereplay diff`: two captures of one scenario side by side.</summary>
internal static class DiffCommand
{
    public static (Command Command, string[] Examples) Create()
    {
        var a = new Argument<string>("A") { Description = "A capture; with -d, the id of a trace or its beginning", HelpName = "A" };
        var b = new Argument<string>("B") { Description = "Another of the same scenario", HelpName = "B" };
        var dataset = new Option<string?>("--dataset", "-d") { Description = "A and B are traces of this dataset", HelpName = "DATASET" };
        Option<string?> kernel = CommonOptions.Kernel();
        Option<string?> format = CommonOptions.Format();
        Option<string?> output = CommonOptions.Output();
        var command = new Command("diff", "Two captures of one scenario side by side: counts, outcomes, faults aligned, latencies with intervals") { a, b, dataset, kernel, format, output };
        command.SetAction(Guard.Action((parse, terminal, ct) =>
        {
            string[] asked = [parse.GetValue(a)!, parse.GetValue(b)!];
            var rows = new RowOutput(parse.GetValue(format), parse.GetValue(output));
            if (parse.GetValue(dataset) is { } root)
            {
                Write(root, [.. asked.Select(id => TraceChoice.Resolve(root, [id])[0])], rows, terminal, ct);
                return ExitCode.Done;
            }

            string temporary = Path.Combine(Path.GetTempPath(), $"tracereplay-diff-{Guid.NewGuid():N}");
            try
            {
                List<string> ids = [];
                foreach (string path in asked)
                {
                    (IReadOnlyList<Ingested> done, int code) = Pipeline.Ingest(CaptureInputs.Resolve([path]), temporary, new IngestOptions { Kernel = parse.GetValue(kernel) }, terminal, ct);
                    if (done.Count != 1)
                    {
                        terminal.Error(done.Count == 0 ? $"{path}: no capture" : $"{path}: {done.Count} captures, expected one");
                        return Math.Max(code, ExitCode.Input);
                    }

                    ids.Add(done[0].Result.TraceId);
                }

                Pipeline.Replay(temporary, [.. ids.Distinct()], new ReplayOptions(), terminal, ct);
                Write(temporary, ids, rows, terminal, ct);
                return ExitCode.Done;
            }
            finally
            {
                if (Directory.Exists(temporary))
                {
                    Directory.Delete(temporary, recursive: true);
                }
            }
        }));
        return (command,
        [
            "tracereplay diff before.trace.dat after.trace.dat",
            "tracereplay diff 3f2a 81c0 -d night --format json",
        ]);
    }

    private static void Write(string dataset, List<string> ids, RowOutput rows, Terminal terminal, CancellationToken ct)
    {
        using DatasetSession session = DatasetSession.Open(dataset, ct);
        rows.Write(session, CaptureDiff.Sql, new Dictionary<string, string> { ["a"] = ids[0], ["b"] = ids[1] }, terminal, ct);
        terminal.Next("around", ids[0], "-d", "DATASET", "--fault", "N");
    }
}
