using TraceReplay.Analysis.Compaction;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What a run did and found.</summary>
/// <param name="Report">null for a shard, or if the dataset has no night yet, or if nothing has changed since the last report.</param>
/// <param name="Retention">What retention did; null if it was not asked for.</param>
/// <param name="Unchanged">What the last run reported, if this one had nothing to add to it.</param>
public sealed record NightlyResult(InboxResult Inbox, NightReport? Report, Reported? Unchanged = null, RetentionResult? Retention = null);

/// <summary>
/// The scheduled job. Each step can be repeated and is skipped where its result is there, so a run that was killed is continued by the
/// next one, and both together leave what one undisturbed run leaves.
/// </summary>
public static class NightlyRunner
{
    /// <param name="progress">Gets the inbox path of each capture that is done, from any thread.</param>
    /// <exception cref="AnalysisException">Another run holds the dataset; the inbox is not there.</exception>
    public static NightlyResult Run(NightOptions options, Action<string> progress, CancellationToken ct)
    {
        string name = options.Shard is { } shard ? $"{shard.Index}-of-{shard.Count}" : NightlyLock.All;
        using NightlyLock alone = NightlyLock.Take(options.Dataset, name, options.Wait, options.Waiting, ct);
        using InboxIndex index = InboxIndex.Open(options.Dataset, name);
        InboxResult inbox = NightIngest.Run(options, index, progress, ct);
        if (options.Shard is not null || !Directory.Exists(Path.Combine(options.Dataset, Tables.Traces.Folder)))
        {
            return new NightlyResult(inbox, null);
        }

        string state = Reported.StateOf(options, index);
        if (inbox.New == 0 && Reported.Read(options) is { } last && last.State == state)
        {
            return new NightlyResult(inbox, null, last);
        }

        NightStats.Complete(options.Dataset, index, ct);
        RetentionResult? retention = options.RetentionDays is { } days ? Retention.Apply(options.Dataset, options.Date, days, options.RetentionMost, ct) : null;
        Compact(options, ct);

        NightReport? report;
        using (DatasetSession session = DatasetSession.Open(options.Dataset, ct))
        {
            IReadOnlyList<string> ignored = [];
            report = NightComparison.Run(session, options.Date, options.BaselineNights, (after, until) =>
            {
                ignored = Ignored(index, after, until);
                return Failures(index, after, until);
            });
            report = report is null ? null : report with { Command = options.Command, Retention = retention, Ignored = ignored, Unread = Unread(session, report.Night) };
        }

        if (report is not null)
        {
            NightFiles.Write(options.Output, report);
            new Reported(state, report.Night, report.IsRegression, NightText.Headline(report)).Write(options);
        }

        return new NightlyResult(inbox, report, Retention: retention);
    }

    /// <summary>How long the files of the dataset are waited for while others replay.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    // Nothing of a night rests on it: what cannot be folded now is folded by a later run.
    private static void Compact(NightOptions options, CancellationToken ct)
    {
        try
        {
            using Compactor compactor = new(options.Dataset, (long)options.MemoryMiB << 20);
            compactor.Run(ct, Patience, options.Waiting);
        }
        catch (EnvironmentFailedException e)
        {
            options.Waiting?.Invoke($"compaction is left for the next run: {e.Message}");
        }
    }

    private static List<string> Ignored(InboxIndex index, DateOnly? after, DateOnly? until) =>
    [
        .. index.Files.Where(f => f.Ignored is not null && (after is null || f.Date > after) && (until is null || f.Date <= until))
            .Select(f => $"{f.Relative}: {f.Ignored}")
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>What the ingest of the night's captures warned of: rows in no known form.</summary>
    private static List<string> Unread(DatasetSession session, DateOnly night) => session.Select(
        $"SELECT path, warning FROM (SELECT path, unnest(warnings) AS warning FROM traces WHERE date = DATE '{SummaryJson.Day(night)}') WHERE warning LIKE '%are in no known form%' ORDER BY path, warning",
        r => $"{r.GetString(0)}: {r.GetString(1)}");

    // A capture that cannot be read may belong to a date that has no other: it counts to the night that comes next, or to the newest.
    private static List<string> Failures(InboxIndex index, DateOnly? after, DateOnly? until) =>
    [
        .. index.Files.Where(f => f.Failure is not null && (after is null || f.Date > after) && (until is null || f.Date <= until))
            .Select(f => f.Failure!)
            .Order(StringComparer.Ordinal),
    ];
}
