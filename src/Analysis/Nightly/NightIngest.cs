using System.Collections.Concurrent;
using TraceReplay.Analysis.Compaction;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay;
using TraceReplay.Replay.Results;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What a run did with the inbox.</summary>
/// <param name="Files">Files in the inbox (or the shard).</param>
/// <param name="New">Captures ingested or finished by this run.</param>
/// <param name="Growing">Left for the next run.</param>
/// <param name="Others">New files that no format recognises, each with the reason.</param>
/// <param name="Failures">One line for each capture of this run that was damaged or unreadable.</param>
/// <param name="Links">Links that were not followed.</param>
/// <param name="EnvironmentFailed">Captures failed for want of room or permission, not by what they hold.</param>
public sealed record InboxResult(int Files, int New, int Growing, IReadOnlyList<string> Others, IReadOnlyList<string> Failures, int Links = 0, bool EnvironmentFailed = false);

/// <summary>Brings what is new in the inbox into the dataset, and replays it. A capture that fails stops no other.</summary>
internal static class NightIngest
{
    /// <summary>What a capture takes besides its own size: decoders, column buffers, models (measured: docs/fleet.md).</summary>
    private const int CaptureMiB = 96;

    public static InboxResult Run(NightOptions options, InboxIndex index, Action<string> progress, CancellationToken ct)
    {
        int links = 0;
        List<InboxFile> files = [.. Inbox.Scan(options.Inbox, options.FollowLinks, _ => links++).Where(f => options.Shard?.Takes(f.Relative) ?? true)];
        long settled = (DateTime.UtcNow - options.Settle).Ticks;
        List<InboxFile> news = [.. files.Where(f => !index.Has(f))];
        List<InboxFile> ready = [.. news.Where(f => f.Modified <= settled || options.Settle == TimeSpan.Zero)];
        ConcurrentBag<string> failures = [];
        ConcurrentBag<string> others = [];
        int done = 0;
        bool environmentFailed = false;
        int jobs = options.Jobs > 0 ? options.Jobs : Environment.ProcessorCount;
        using MemoryGate memory = new(options.MemoryMiB);

        // Largest first: the last capture of a night should not be the longest.
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = jobs, CancellationToken = ct };
        Parallel.ForEach(Partitioner.Create(ready.OrderByDescending(f => f.Size), EnumerablePartitionerOptions.NoBuffering), parallel, file =>
        {
            using IDisposable room = memory.Enter(CaptureMiB + (file.Size >> 20), ct);
            (SeenFile seen, bool environment) = One(file, options, ct);
            environmentFailed |= environment;

            // What the environment did to a capture may be over by the next night.
            index.Add(seen, remember: !environment && seen.Size > 0);
            if (seen.Failure is not null)
            {
                failures.Add(seen.Failure);
            }

            if (seen.TraceId is null && seen.Failure is null)
            {
                others.Add($"{file.Path}: {seen.Ignored}");
            }
            else
            {
                Interlocked.Increment(ref done);
            }

            progress(file.Relative);
        });
        return new InboxResult(files.Count, done, news.Count - ready.Count, [.. others.Order(StringComparer.Ordinal)], [.. failures.Order(StringComparer.Ordinal)], links, environmentFailed);
    }

    private static (SeenFile Seen, bool Environment) One(InboxFile file, NightOptions options, CancellationToken ct)
    {
        DateOnly noted = file.Date ?? DateOnly.FromDateTime(file.Modified > 0 ? new DateTime(file.Modified, DateTimeKind.Utc) : DateTime.UtcNow);
        SeenFile Seen(string? traceId, string? failure, DateOnly date) =>
            new(file.Relative, file.Size, file.Modified, traceId, failure, file.HostClass, file.Scenario, date);

        // Whatever a capture does, it does to itself: the others of the night are done.
        try
        {
            if (Unopenable(file.Path) is { } why)
            {
                return (Seen(null, $"{file.Path}: offset 0x0: {why}, expected a capture", noted), true);
            }

            if (CaptureRecognition.Judge(file.Path) is { } reason)
            {
                return (Seen(null, null, noted) with { Ignored = reason }, false);
            }

            IngestResult result = Ingestor.Ingest(file.Path, options.Dataset, new IngestOptions { Scenario = options.Scenario, Host = file.Host, Date = file.Date, Jobs = 1, Waiting = options.Waiting }, ct);
            string? failure = result.Damage?.ToString() ?? (result.Manifest.Complete ? null : $"{file.Path}: {(result.Manifest.Warnings is [var first, ..] ? first : "damaged")}");
            return Replayed(file, result, options, ct) is { } failed
                ? (Seen(result.TraceId, failure ?? failed, result.Manifest.Date) with { FailedProgram = failure is null ? InboxIndex.Program : null }, false)
                : (Seen(result.TraceId, failure, result.Manifest.Date) with { Scenario = Scenario(file, result, options) }, false);
        }
        catch (CaptureException e)
        {
            return (Seen(null, e.Message, noted), false);
        }
        catch (Exception e) when (e is EnvironmentFailedException or IOException or UnauthorizedAccessException)
        {
            return (Seen(null, $"{file.Path}: {e.Message}", noted), true);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return (Seen(null, $"{file.Path}: a defect of tracereplay, please report: {e.GetType().Name}: {e.Message}", noted) with { FailedProgram = InboxIndex.Program }, false);
        }
    }

    // The inbox's names tell what ran, but for files that all have one name.
    private static string Scenario(InboxFile file, IngestResult result, NightOptions options) =>
        options.Scenario ?? (ScenarioName.IsTelling(file.Scenario) ? file.Scenario : result.Manifest.Scenario ?? file.Scenario);

    /// <returns>null, or why the capture could not be replayed.</returns>
    private static string? Replayed(InboxFile file, IngestResult result, NightOptions options, CancellationToken ct)
    {
        try
        {
            if (IsReplayed(options.Dataset, result.Manifest))
            {
                return null;
            }

            // The same capture may lie in two places of the inbox.
            using Compactor compactor = new(options.Dataset);
            compactor.WithOwnFiles(
                result.TraceId,
                () => IsReplayed(options.Dataset, result.Manifest) ? null : ReplayRunner.Run(options.Dataset, result.TraceId, new ReplayOptions(), ct),
                ct,
                options.Waiting);
            return null;
        }
        catch (Exception e) when (e is not (OperationCanceledException or EnvironmentFailedException or IOException or UnauthorizedAccessException))
        {
            return $"{file.Path}: replay failed: {e.Message.Split('\n')[0]}";
        }
    }

    private static string? Unopenable(string path)
    {
        if (!Path.Exists(path))
        {
            return path.Contains('\ufffd', StringComparison.Ordinal) ? "a file name that is no UTF-8" : "no such file";
        }

        try
        {
            if (!Directory.Exists(path))
            {
                using FileStream opened = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            }

            return null;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return "a file that cannot be opened (" + e.Message + ")";
        }
    }

    // The table of faults gets its name last.
    private static bool IsReplayed(string dataset, TraceManifest trace) =>
        File.Exists(DatasetLayout.Result(dataset, ResultTables.Faults, trace.Date, trace.Host, trace.TraceId))
        || Compactor.Holds(dataset, $"{DatasetLayout.Results}/{ResultTables.Faults}", trace.Date, trace.TraceId);
}
