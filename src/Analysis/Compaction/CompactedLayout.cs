using System.Globalization;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Compaction;

/// <summary>
/// Where compacted tables lie: <c>compacted/TABLE/date=YYYY-MM-DD/part-SCHEMA.parquet</c>, one file for each set of columns,
/// with the host as a column.
/// </summary>
public static class CompactedLayout
{
    public const string Root = "compacted";

    /// <summary>
    /// Name of an empty file that stays in a table whose captures have all been compacted: a glob that matches nothing is an
    /// error to DuckDB, and `views.sql` must hold at every moment.
    /// </summary>
    public const string Keeper = "none";

    public static string Folder(string dataset, string table) => dataset.Length == 0 ? $"{Root}/{table}" : Path.Combine(dataset, Root, table);

    public static string Day(string dataset, string table, DateOnly date) =>
        Path.Combine(Folder(dataset, table), string.Create(CultureInfo.InvariantCulture, $"date={date:yyyy-MM-dd}"));

    public static string KeeperFile(string dataset, string table) =>
        Path.Combine(dataset, table, "date=1970-01-01", "host=none", Keeper + ".parquet");

    /// <summary>Every table of a dataset that has files of captures: events, results and what belongs to traces.</summary>
    public static IEnumerable<string> Tables(string dataset)
    {
        foreach (string below in new[] { DatasetLayout.Events, DatasetLayout.Results, DatasetLayout.Traces })
        {
            DirectoryInfo root = new(Path.Combine(dataset, below));
            foreach (DirectoryInfo table in root.Exists ? root.EnumerateDirectories().OrderBy(d => d.Name, StringComparer.Ordinal) : Enumerable.Empty<DirectoryInfo>())
            {
                if (table.EnumerateDirectories("date=*").Any())
                {
                    yield return $"{below}/{table.Name}";
                }
            }
        }
    }

    /// <summary>The days of a table, from the names of its directories.</summary>
    public static IEnumerable<DateOnly> Days(string folder)
    {
        DirectoryInfo root = new(folder);
        return !root.Exists ? [] : root.EnumerateDirectories("date=*")
            .Select(d => DateOnly.TryParseExact(d.Name["date=".Length..], "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day) ? day : default)
            .Where(day => day > DateOnly.FromDateTime(DateTime.UnixEpoch))
            .Order();
    }
}
