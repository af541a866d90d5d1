using System.Globalization;
using TraceReplay.Analysis.Compaction;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What retention did.</summary>
/// <param name="Captures">Captures removed.</param>
/// <param name="Days">Days removed.</param>
/// <param name="Refused">Why nothing was removed; null if nothing stood in the way.</param>
/// <param name="Future">Days that lie in the future, which retention does not count from; null if there are none.</param>
public sealed record RetentionResult(int Captures, IReadOnlyList<DateOnly> Days, string? Refused, string? Future)
{
    /// <summary>The same in words.</summary>
    public IEnumerable<string> Lines()
    {
        if (Future is not null)
        {
            yield return $"retention: {Future}";
        }

        if (Refused is not null)
        {
            yield return $"retention: {Refused}";
        }

        if (Days.Count > 0)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"retention: {Captures} captures of {Days.Count} days removed ({SummaryJson.Day(Days[0])}{(Days.Count > 1 ? " to " + SummaryJson.Day(Days[^1]) : "")})");
        }
    }
}

/// <summary>
/// Removes whole days. The manifests go first: without one a capture is not there, so a kill leaves no half of it. Nothing outside the
/// dataset is removed, and never most of it unless that is asked for.
/// </summary>
internal static class Retention
{
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="night">The night; null = the newest in the dataset.</param>
    /// <param name="days">Days before it that stay, from 1.</param>
    /// <param name="evenMost">Whether more than half of the days may go.</param>
    /// <param name="ct">Stops the wait for replays under way.</param>
    public static RetentionResult Apply(string dataset, DateOnly? night, int days, bool evenMost, CancellationToken ct)
    {
        IReadOnlyList<DateOnly> held = [.. DatasetReader.Open(dataset).Traces.Select(t => t.Date).Distinct().Order()];
        if (held.Count == 0)
        {
            return new RetentionResult(0, [], null, null);
        }

        // The clock bounds it: a capture dated in the future must not make all others old.
        DateOnly today = DateOnly.FromDateTime(DateTime.UtcNow);
        List<DateOnly> future = [.. held.Where(d => d > today.AddDays(1))];
        string? ahead = future.Count == 0 ? null
            : $"{future.Count} of the dataset's days lie in the future (up to {SummaryJson.Day(future[^1])}); days are counted from {SummaryJson.Day(today)} at the latest";
        DateOnly reference = night ?? held[^1];
        reference = reference > today ? today : reference;
        DateOnly keepFrom = reference.DayNumber >= days ? reference.AddDays(-days) : DateOnly.MinValue;
        List<DateOnly> old = [.. held.Where(d => d < keepFrom)];
        if (old.Count * 2 > held.Count && !evenMost)
        {
            return new RetentionResult(0, [], $"refused to remove {old.Count} of {held.Count} days (before {SummaryJson.Day(keepFrom)}), which is more than half of the dataset: --retention-most lets it", ahead);
        }

        DatasetLock files;
        try
        {
            files = DatasetLock.OwnFiles(dataset, NightlyRunner.Patience, ct);
        }
        catch (EnvironmentFailedException e)
        {
            return new RetentionResult(0, [], $"left for the next run: {e.Message}", ahead);
        }

        using (files)
        {
            if (LinkIn(dataset) is { } link)
            {
                return new RetentionResult(0, [], $"refused: {link} is a link, and nothing outside of the dataset is removed", ahead);
            }

            Placement.FinishAll(dataset);
            int removed = Manifests.Forget(dataset, keepFrom);
            Remove(dataset, keepFrom);
            return new RetentionResult(removed, old, null, ahead);
        }
    }

    // Also what a killed run left without manifests.
    private static void Remove(string dataset, DateOnly keepFrom)
    {
        string compacted = Path.Combine(dataset, CompactedLayout.Root);
        foreach (string table in CompactedLayout.Tables(dataset).Select(t => Path.Combine(dataset, t)).Concat(CompactedLayout.Tables(compacted).Select(t => Path.Combine(compacted, t))).ToList())
        {
            foreach (DateOnly day in CompactedLayout.Days(table).Where(day => day < keepFrom).ToList())
            {
                Directory.Delete(Path.Combine(table, string.Create(CultureInfo.InvariantCulture, $"date={day:yyyy-MM-dd}")), recursive: true);
            }
        }
    }

    /// <summary>A directory of the dataset that lies elsewhere; the dataset itself may be a link.</summary>
    private static string? LinkIn(string dataset)
    {
        DirectoryInfo root = new(dataset);
        foreach (DirectoryInfo part in root.EnumerateDirectories())
        {
            foreach (DirectoryInfo directory in part.LinkTarget is null ? part.EnumerateDirectories("*", SearchOption.TopDirectoryOnly).SelectMany(d => d.LinkTarget is null ? d.EnumerateDirectories().SelectMany(below => Below(below)).Prepend(d) : [d]).Prepend(part) : [part])
            {
                if (directory.LinkTarget is not null)
                {
                    return directory.FullName;
                }
            }
        }

        return null;

        static IEnumerable<DirectoryInfo> Below(DirectoryInfo directory) =>
            directory.LinkTarget is null && !directory.Name.StartsWith("host=", StringComparison.Ordinal) ? directory.EnumerateDirectories().SelectMany(Below).Prepend(directory) : [directory];
    }
}
