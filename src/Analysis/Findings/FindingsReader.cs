using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Findings;

/// <summary>
/// Reads the findings of some traces. The same SQL as the view, but over tables that hold these traces, made when a finding asks for
/// them, and only of findings whose signals one of the traces has.
/// </summary>
public static class FindingsReader
{
    /// <summary>Traces and faults that are looked at together: each statement costs more to plan than to run, and all its rows are in memory.</summary>
    private const int MostTraces = 250;

    private const long MostFaults = 200_000;

    /// <summary>Events of one trace above which nothing that was recorded is copied.</summary>
    private const long Large = 1_000_000;

    /// <summary>What was found in one trace, most severe first; nothing where the dataset has no such trace.</summary>
    /// <exception cref="AnalysisException">A file of the dataset could not be read.</exception>
    public static IReadOnlyList<FindingRow> Read(DatasetSession session, string traceId) => Read(session, [traceId]).GetValueOrDefault(traceId, []);

    /// <summary>What was found in each of some traces; one in which nothing was found is left out.</summary>
    /// <exception cref="AnalysisException">A file of the dataset could not be read.</exception>
    public static Dictionary<string, IReadOnlyList<FindingRow>> Read(DatasetSession session, IReadOnlyList<string> traceIds) => Read(session, traceIds, Large);

    /// <param name="large">Events of one trace above which what it recorded stays in its files.</param>
    internal static Dictionary<string, IReadOnlyList<FindingRow>> Read(DatasetSession session, IReadOnlyList<string> traceIds, long large)
    {
        Dictionary<string, IReadOnlyList<FindingRow>> found = [];
        List<DatasetReader> together = [];
        long faults = 0;
        foreach (DatasetReader reader in traceIds.Distinct().Select(id => DatasetReader.OpenTrace(session.Dataset, id)).OfType<DatasetReader>())
        {
            long more = reader.Traces[0].EventCounts.Where(e => e.Key.EndsWith("_fault", StringComparison.Ordinal)).Sum(e => e.Value);
            if (together.Count > 0 && (together.Count == MostTraces || faults + more > MostFaults))
            {
                Read(session, together, large, found);
                (together, faults) = ([], 0);
            }

            together.Add(reader);
            faults += more;
        }

        if (together.Count > 0)
        {
            Read(session, together, large, found);
        }

        return found;
    }

    private static void Read(DatasetSession session, IReadOnlyList<DatasetReader> readers, long large, Dictionary<string, IReadOnlyList<FindingRow>> found)
    {
        using var some = new SomeTraces(session, readers, large);
        foreach (string name in (ReadOnlySpan<string>)["faults", "neighbours", "windows", "violations"])
        {
            some.Make(Relations.Named(name));
        }

        List<HashSet<string>> signals = Signals.Of(session, [.. readers.Select(r => r.Traces[0])], Catalogue.All.SelectMany(f => f.Needs).Distinct());
        List<Finding> asked = [.. Catalogue.All.Where(f => signals.Exists(s => Signals.Met(f, s)))];
        foreach (Relation relation in asked.SelectMany(f => Relations.In(f.Sql)).Distinct())
        {
            some.Make(relation);
        }

        if (asked.Count == 0)
        {
            return;
        }

        // One statement for several traces: to plan each costs more than to run it. Of a large one what all of them keep would add up.
        string[] selects = [.. asked.Select(f => FindingsSql.Select(f, SomeTraces.Table))];
        IEnumerable<FindingRow> rows = some.IsLarge
            ? selects.SelectMany(Rows).OrderByDescending(f => Enum.Parse<Severity>(f.Severity, ignoreCase: true))
            : Rows(string.Join(" UNION ALL ", selects));
        foreach (IGrouping<string, FindingRow> trace in rows.GroupBy(f => f.TraceId))
        {
            found[trace.Key] = [.. trace];
        }

        List<FindingRow> Rows(string select)
        {
            using DuckDBCommand command = session.Plain($"SELECT * FROM ({select}) {FindingsSql.Order}");
            return session.Rows(command, Row);
        }
    }

    internal static FindingRow Row(DuckDBDataReader r) => new(
        r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), Number(r, 4), Number(r, 5), Number(r, 6), Number(r, 7), r.GetString(8), r.GetString(9), r.IsDBNull(10) ? "" : r.GetString(10), r.GetString(11));

    private static long? Number(DuckDBDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);
}
