using System.Globalization;
using TraceReplay.Analysis.Compaction;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Nightly;

/// <summary>Removes whole days. The manifests go first: without one a capture is not there, so a kill leaves no half of it.</summary>
internal static class Retention
{
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="night">The night; null = the newest in the dataset.</param>
    /// <param name="days">Days before it that stay.</param>
    /// <returns>Captures removed.</returns>
    public static int Apply(string dataset, DateOnly? night, int days)
    {
        IReadOnlyList<TraceManifest> traces = DatasetReader.Open(dataset).Traces;
        if (traces.Count == 0)
        {
            return 0;
        }

        DateOnly keepFrom = (night ?? traces[^1].Date).AddDays(-days);
        int removed = Manifests.Forget(dataset, keepFrom);

        // Also what a killed run left without manifests.
        string compacted = Path.Combine(dataset, CompactedLayout.Root);
        foreach (string table in CompactedLayout.Tables(dataset).Select(t => Path.Combine(dataset, t)).Concat(CompactedLayout.Tables(compacted).Select(t => Path.Combine(compacted, t))).ToList())
        {
            foreach (DateOnly day in CompactedLayout.Days(table).Where(day => day < keepFrom).ToList())
            {
                Directory.Delete(Path.Combine(table, string.Create(CultureInfo.InvariantCulture, $"date={day:yyyy-MM-dd}")), recursive: true);
            }
        }

        return removed;
    }
}
