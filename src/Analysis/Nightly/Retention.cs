using TraceReplay.Analysis.Compaction;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Nightly;

/// <summary>Removes whole days. The manifests go first: without one a capture is not there, so a kill leaves no half of it.</summary>
internal static class Retention
{
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="keepFrom">The first day that stays.</param>
    /// <returns>Captures removed.</returns>
    public static int Apply(string dataset, DateOnly keepFrom)
    {
        int removed = 0;
        foreach (TraceManifest trace in DatasetReader.Open(dataset).Traces.Where(t => t.Date < keepFrom))
        {
            File.Delete(DatasetLayout.Manifest(dataset, trace.TraceId));
            removed++;
        }

        // Also what a killed run left without manifests.
        foreach (string table in CompactedLayout.Tables(dataset).Concat(CompactedTables(dataset)).ToList())
        {
            foreach (DateOnly day in CompactedLayout.Days(Path.Combine(dataset, table)).Where(day => day < keepFrom).ToList())
            {
                Directory.Delete(Path.Combine(dataset, table, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"date={day:yyyy-MM-dd}")), recursive: true);
            }
        }

        return removed;
    }

    private static IEnumerable<string> CompactedTables(string dataset) => CompactedLayout.Tables(Path.Combine(dataset, CompactedLayout.Root)).Select(table => $"{CompactedLayout.Root}/{table}");
}
