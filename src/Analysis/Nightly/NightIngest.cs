using TraceReplay.Analysis.Compaction;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What a run did with the inbox.</summary>
/// <param name="Done">Captures that are in the dataset now and were not, or not yet whole.</param>
/// <param name="Refused">Files of this run that could not be read, or only in part.</param>
/// <param name="Waiting">Files that are still being written.</param>
/// <param name="Known">Files that were dealt with in earlier runs.</param>
/// <param name="Defects">Captures on which the program itself failed.</param>
public sealed record IngestedNight(int Done, IReadOnlyList<NightRefusal> Refused, int Waiting, int Known, int Defects);

/// <summary>The first half of a night: every capture of the inbox that is not in the dataset is ingested, replayed and summed up.</summary>
internal sealed class NightIngest(NightOptions options, InboxIndex index, INightObserver observer)
{
    // Between two saves of the index a kill costs the hashing of so many captures.
    private const int SaveEvery = 64;

    private readonly Lock _lock = new();
    private readonly List<NightRefusal> _refused = [];
    private int _done;
    private int _defects;
    private int _unsaved;

    /// <exception cref="AnalysisException">The environment failed; what was reported done is.</exception>
    public IngestedNight Run(CancellationToken ct)
    {
        IReadOnlyList<InboxFile> files = Inbox.Scan(options.Inbox);
        DateTime settled = options.Now - options.Settle;
        List<InboxFile> mine = [.. files.Where(f => options.Shard is not { } shard || Inbox.ShardOf(f.Name, shard.Count) == shard.Index)];
        List<InboxFile> unknown = [.. mine.Where(f => !index.Knows(f))];
        List<InboxFile> ready = [.. unknown.Where(f => f.Written <= settled && !IsPast(f.Date))];
        if (ready.Count > 0)
        {
            Work(ready, ct);
            ViewsFile.Write(options.Dataset);
        }

        return new IngestedNight(_done, [.. _refused.OrderBy(r => r.Name, StringComparer.Ordinal)], unknown.Count(f => f.Written > settled), mine.Count - unknown.Count, _defects);
    }

    private bool IsPast(DateOnly? date) => date < options.KeepFrom;

    private void Work(List<InboxFile> files, CancellationToken ct)
    {
        HashSet<string> whole = WholeCaptures();
        MemoryGate gate = new(options.MemoryBytes);
        int workers = Math.Max(1, options.Jobs);
        observer.Begin(files.Count);
        try
        {
            // Partitioned by demand: captures differ by orders of magnitude.
            Parallel.ForEach(
                System.Collections.Concurrent.Partitioner.Create(files, System.Collections.Concurrent.EnumerablePartitionerOptions.NoBuffering),
                new ParallelOptions { MaxDegreeOfParallelism = workers, CancellationToken = ct },
                () => new CaptureStats(),
                (file, _, stats) =>
                {
                    using (gate.Enter(file.Length, ct))
                    {
                        One(file, whole, stats, ct);
                    }

                    return stats;
                },
                stats => stats.Dispose());
        }
        catch (AggregateException e) when (e.InnerExceptions.Count > 0)
        {
            // The environment failed: the first cause is the one to tell.
            throw e.InnerExceptions[0];
        }
        finally
        {
            index.Save();
        }
    }

    private void One(InboxFile file, HashSet<string> whole, CaptureStats stats, CancellationToken ct)
    {
        InboxEntry entry = new() { Name = file.Name, Length = file.Length, Written = file.Written, Date = file.Date ?? DateOnly.FromDateTime(file.Written), Host = file.Host ?? "unknown" };
        bool defect = false;
        try
        {
            IngestResult result = Ingestor.Ingest(file.Path, options.Dataset, new IngestOptions { Host = file.Host, Date = file.Date, Jobs = 1 }, ct);
            entry = entry with { TraceId = result.TraceId, Date = result.Manifest.Date, Host = result.Manifest.Host, Refusal = Damage(result) };
            if (!result.AlreadyPresent || !whole.Contains(result.TraceId))
            {
                Finish(file, result, stats, ct);
            }
        }
        catch (CaptureException e)
        {
            entry = entry with { Refusal = FirstLine(e.Message) };
        }
        catch (Exception e) when (e is not (OperationCanceledException or EnvironmentFailedException or AnalysisException or IOException or UnauthorizedAccessException or OutOfMemoryException))
        {
            // One capture that we fail on must not end the night.
            entry = entry with { Refusal = $"{file.Name}: a defect of tracereplay: {e.GetType().Name}: {FirstLine(e.Message)}" };
            defect = true;
        }

        Note(entry, defect);
    }

    private void Finish(InboxFile file, IngestResult result, CaptureStats stats, CancellationToken ct)
    {
        IReadOnlyList<string> restored = [];
        if (result.AlreadyPresent)
        {
            using Compactor compactor = new(options.Dataset);
            restored = compactor.Restore([result.TraceId]);
        }

        ReplayRunner.Run(options.Dataset, result.TraceId, new ReplayOptions(), ct);
        stats.Write(options.Dataset, result.Manifest, file.Class, file.Scenario);
        Compactor.Release(restored);
    }

    private void Note(InboxEntry entry, bool defect)
    {
        lock (_lock)
        {
            index.Add(entry);
            if (entry.Refusal is { } why)
            {
                _refused.Add(new NightRefusal(entry.Name, entry.Host, why));
                observer.Refused(why);
            }

            _defects += defect ? 1 : 0;
            _done += entry.TraceId is null ? 0 : 1;
            if (++_unsaved >= SaveEvery)
            {
                _unsaved = 0;
                index.Save();
            }
        }

        observer.Done(entry.Name);
    }

    /// <summary>Captures whose last file, night_stats, is there: a kill before it leaves work.</summary>
    private HashSet<string> WholeCaptures()
    {
        if (!Directory.Exists(Path.Combine(options.Dataset, DatasetLayout.Traces)))
        {
            return [];
        }

        using DatasetSession session = DatasetSession.Open(options.Dataset);
        return [.. session.Select("SELECT DISTINCT trace_id FROM night_stats", r => r.GetString(0))];
    }

    private static string? Damage(IngestResult result) => result.Damage?.ToString() ?? (result.Manifest.Complete ? null : result.Manifest.Warnings is [var first, ..] ? first : "damaged");

    private static string FirstLine(string text) => text.Split('\n')[0].TrimEnd('\r');
}
