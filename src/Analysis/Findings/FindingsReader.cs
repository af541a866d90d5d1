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

    /// <summary>What was found in one trace, most severe first; nothing where the dataset has no such trace.</summary>
    /// <exception cref="AnalysisException">A file of the dataset could not be read.</exception>
    public static IReadOnlyList<FindingRow> Read(DatasetSession session, string traceId) => Read(session, [traceId]).GetValueOrDefault(traceId, []);

    /// <summary>What was found in each of some traces; one in which nothing was found is left out.</summary>
    /// <exception cref="AnalysisException">A file of the dataset could not be read.</exception>
    public static Dictionary<string, IReadOnlyList<FindingRow>> Read(DatasetSession session, IReadOnlyList<string> traceIds)
    {
        Dictionary<string, IReadOnlyList<FindingRow>> found = [];
        List<DatasetReader> together = [];
        long faults = 0;
        foreach (DatasetReader reader in traceIds.Distinct().Select(id => DatasetReader.OpenTrace(session.Dataset, id)).OfType<DatasetReader>())
        {
            long more = reader.Traces[0].EventCounts.Where(e => e.Key.EndsWith("_fault", StringComparison.Ordinal)).Sum(e => e.Value);
            if (together.Count > 0 && (together.Count == MostTraces || faults + more > MostFaults))
            {
                Read(session, together, found);
                (together, faults) = ([], 0);
            }

            together.Add(reader);
            faults += more;
        }

        if (together.Count > 0)
        {
            Read(session, together, found);
        }

        return found;
    }

    private static void Read(DatasetSession session, IReadOnlyList<DatasetReader> readers, Dictionary<string, IReadOnlyList<FindingRow>> found)
    {
        var some = new SomeTraces(session, readers);
        foreach (string name in (ReadOnlySpan<string>)["faults", "windows", "violations"])
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

        using DuckDBCommand command = session.Plain($"SELECT * FROM ({string.Join(" UNION ALL ", asked.Select(f => FindingsSql.Select(f, SomeTraces.Table)))}) {FindingsSql.Order}");
        foreach (IGrouping<string, FindingRow> trace in session.Rows(command, Row).GroupBy(f => f.TraceId))
        {
            found[trace.Key] = [.. trace];
        }
    }

    internal static FindingRow Row(DuckDBDataReader r) => new(
        r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), Number(r, 4), Number(r, 5), Number(r, 6), Number(r, 7), r.GetString(8), r.GetString(9), r.IsDBNull(10) ? "" : r.GetString(10), r.GetString(11));

    private static long? Number(DuckDBDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);
}
