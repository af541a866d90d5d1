using TraceReplay.Analysis;
using TraceReplay.Analysis.Compaction;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay;

namespace TraceReplay.Cli.Shell;

/// <summary>A capture that reached the dataset.</summary>
internal sealed record Ingested(string Path, IngestResult Result);

/// <summary>The steps that several commands share. Good inputs are done whatever the others are; the worst exit code wins.</summary>
internal static class Pipeline
{
    /// <summary>Ingests every capture that can be read, and says of each other one why not.</summary>
    /// <param name="isKept">Somebody may look into the dataset later: it gets a `views.sql`.</param>
    public static (IReadOnlyList<Ingested> Done, int Code) Ingest(
        CaptureInputs inputs, string dataset, IngestOptions options, Terminal terminal, CancellationToken ct, bool isKept = true)
    {
        if (File.Exists(dataset))
        {
            throw new AnalysisException(AnalysisFailure.Input, $"{dataset}: found a file, expected a directory for the dataset");
        }

        var done = new List<Ingested>();
        int code = ExitCode.Done;
        InputProgress.Over(terminal, inputs.Paths.Count, progress =>
        {
            foreach (string path in inputs.Paths)
            {
                progress.Begin(path);
                code = Math.Max(code, One(path, dataset, options with { Progress = progress }, terminal, done, ct));
                progress.End();
            }
        });
        if (isKept && done.Any(d => !d.Result.AlreadyPresent))
        {
            ViewsFile.Write(dataset);
        }

        return (done, code);
    }

    /// <summary>Replays traces of a dataset and passes on what the replay warns of.</summary>
    /// <param name="isKept">As for <see cref="Ingest"/>.</param>
    /// <returns>What was replayed; without traces that are no longer in the dataset.</returns>
    public static List<ReplayReport> Replay(string dataset, IReadOnlyList<string> traceIds, ReplayOptions options, Terminal terminal, CancellationToken ct, bool isKept = true)
    {
        List<ReplayReport> reports = [];
        using var compactor = new Compactor(dataset);
        InputProgress.Over(terminal, traceIds.Count, progress =>
        {
            foreach (string id in traceIds)
            {
                progress.Begin($"replay of {id}");
                // Retention may have taken it since it was chosen.
                ReplayReport? report = compactor.WithOwnFiles(id, () => Manifests.Contains(dataset, id) ? ReplayRunner.Run(dataset, id, options, ct) : null, ct, terminal.Note);
                foreach (string warning in report?.Warnings ?? ["is no longer in the dataset"])
                {
                    terminal.Warning($"{id}: {warning}");
                }

                if (report is not null)
                {
                    reports.Add(report);
                }

                progress.End();
            }
        });
        if (isKept)
        {
            ViewsFile.Write(dataset);
        }

        return reports;
    }

    private static int One(string path, string dataset, IngestOptions options, Terminal terminal, List<Ingested> done, CancellationToken ct)
    {
        try
        {
            IngestResult result = Ingestor.Ingest(path, dataset, options, ct);
            done.Add(new Ingested(path, result));
            if (result.AlreadyPresent && options.Kernel is { } named && result.Manifest.Kernel?.StartsWith(named, StringComparison.Ordinal) != true)
            {
                terminal.Warning($"{path}: already in the dataset with kernel {result.Manifest.Kernel ?? "unknown"}, --kernel {named} changes nothing; replay --kernel names an unknown one");
            }

            if (result.Damage is not null)
            {
                terminal.Error($"{result.Damage} (the {result.Manifest.Events} events before it are kept)");
                return ExitCode.Input;
            }

            return ExitCode.Done;
        }
        catch (CaptureException e)
        {
            return Guard.Explain(e, terminal);
        }
    }
}
