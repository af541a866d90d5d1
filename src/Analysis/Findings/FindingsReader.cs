using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Findings;

/// <summary>
/// Reads the findings of single traces. The same SQL as the view, but over tables that hold one trace, made when a finding asks for them,
/// and only of findings whose signals the trace has.
/// </summary>
public static class FindingsReader
{
    /// <summary>What was found in one trace, most severe first; nothing where the dataset has no such trace.</summary>
    /// <exception cref="AnalysisException">A file of the dataset could not be read.</exception>
    public static IReadOnlyList<FindingRow> Read(DatasetSession session, string traceId)
    {
        if (DatasetReader.OpenTrace(session.Dataset, traceId) is not { } reader)
        {
            return [];
        }

        var one = new OneTrace(session, reader);
        foreach (string name in (ReadOnlySpan<string>)["faults", "windows", "violations"])
        {
            one.Make(Relations.Named(name));
        }

        HashSet<string> signals = Signals.Of(session, reader.Traces[0], Catalogue.All.SelectMany(f => f.Needs).Distinct());
        List<Finding> asked = [.. Catalogue.All.Where(f => Signals.Met(f, signals))];
        foreach (Relation relation in asked.SelectMany(f => Relations.In(f.Sql)).Distinct())
        {
            one.Make(relation);
        }

        if (asked.Count == 0)
        {
            return [];
        }

        using DuckDBCommand command = session.Plain($"SELECT * FROM ({string.Join(" UNION ALL ", asked.Select(f => FindingsSql.Select(f, OneTrace.Table)))}) {FindingsSql.Order}");
        return session.Rows(command, Row);
    }

    internal static FindingRow Row(DuckDBDataReader r) => new(
        r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), Number(r, 4), Number(r, 5), Number(r, 6), Number(r, 7), r.GetString(8), r.GetString(9), r.IsDBNull(10) ? "" : r.GetString(10), r.GetString(11));

    private static long? Number(DuckDBDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);
}
