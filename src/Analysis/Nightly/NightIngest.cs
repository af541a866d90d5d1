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
public sealed record InboxResult(int Files, int New, int Growing, IReadOnlyList<string> Others, IReadOnlyList<string> Failures);

/// <summary>Brings what is new in the inbox into the dataset, and replays it. A capture that fails stops no other.</summary>
internal static class NightIngest
{
    /// <summary>What a capture takes besides its own size: decoders, column buffers, models (measured: docs/fleet.md).</summary>
    private const int CaptureMiB = 96;

    public static InboxResult Run(NightOptions options, InboxIndex index, Action<string> progress, CancellationToken ct)
    {
        List<InboxFile> files = [.. Inbox.Scan(options.Inbox).Where(f => options.Shard?.Takes(f.Relative) ?? true)];
        long settled = (DateTime.UtcNow - options.Settle).Ticks;
        List<InboxFile> news = [.. files.Where(f => !index.Has(f))];
        List<InboxFile> ready = [.. news.Where(f => f.Modified <= settled || options.Settle == TimeSpan.Zero)];
        ConcurrentBag<string> failures = [];
        ConcurrentBag<string> others = [];
        int done = 0;
        int jobs = options.Jobs > 0 ? options.Jobs : Environment.ProcessorCount;
        using MemoryGate memory = new(options.MemoryMiB);

        // Largest first: the last capture of a night should not be the longest.
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = jobs, CancellationToken = ct };
        Parallel.ForEach(Partitioner.Create(ready.OrderByDescending(f => f.Size), EnumerablePartitionerOptions.NoBuffering), parallel, file =>
        {
            using IDisposable room = memory.Enter(CaptureMiB + (file.Size >> 20), ct);
            SeenFile seen = One(file, options.Dataset, ct);
            index.Add(seen);
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
        return new InboxResult(files.Count, done, news.Count - ready.Count, [.. others.Order(StringComparer.Ordinal)], [.. failures.Order(StringComparer.Ordinal)]);
    }

    private static SeenFile One(InboxFile file, string dataset, CancellationToken ct)
    {
        DateOnly noted = file.Date ?? DateOnly.FromDateTime(new DateTime(file.Modified, DateTimeKind.Utc));
        SeenFile Seen(string? traceId, string? failure, DateOnly date) =>
            new(file.Relative, file.Size, file.Modified, traceId, failure, file.HostClass, file.Scenario, date);

        if (CaptureRecognition.Judge(file.Path) is { } reason)
        {
            return Seen(null, null, noted) with { Ignored = reason };
        }

        IngestResult result;
        try
        {
            result = Ingestor.Ingest(file.Path, dataset, new IngestOptions { Host = file.Host, Date = file.Date, Jobs = 1 }, ct);
        }
        catch (CaptureException e)
        {
            return Seen(null, e.Message, noted);
        }

        string? failure = result.Damage?.ToString() ?? (result.Manifest.Complete ? null : (result.Manifest.Warnings is [var first, ..] ? first : "damaged"));
        try
        {
            // The same capture may lie in two places of the inbox.
            using DatasetLock alone = DatasetLock.Take(DatasetLayout.Manifest(dataset, result.TraceId) + ".replay", ct);
            if (!IsReplayed(dataset, result.Manifest))
            {
                ReplayRunner.Run(dataset, result.TraceId, new ReplayOptions(), ct);
            }
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or ArgumentException or OverflowException)
        {
            // A capture that a model stumbles over is a finding about one capture, not the end of the night.
            failure ??= $"{file.Path}: replay failed: {e.Message.Split('\n')[0]}";
        }

        return Seen(result.TraceId, failure, result.Manifest.Date);
    }

    // The table of faults gets its name last.
    private static bool IsReplayed(string dataset, TraceManifest trace) =>
        File.Exists(DatasetLayout.Result(dataset, ResultTables.Faults, trace.Date, trace.Host, trace.TraceId))
        || Compactor.Holds(dataset, $"{DatasetLayout.Results}/{ResultTables.Faults}", trace.Date, trace.TraceId);
}
