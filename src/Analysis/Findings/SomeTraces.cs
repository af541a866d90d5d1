using System.Text.RegularExpressions;
using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Findings;

/// <summary>
/// The relations of some traces as temporary tables, each made once. What one large trace recorded stays in its files: findings ask for
/// few of its columns and rows, and all of them as a table would be larger than memory.
/// </summary>
internal sealed class SomeTraces(DatasetSession session, IReadOnlyList<DatasetReader> readers, long large) : IDisposable
{
    private readonly HashSet<string> _named = [];
    private readonly List<string> _made = [];

    /// <summary>It is one large trace, whose faults and events stay in their files.</summary>
    public bool IsLarge { get; } = readers is [{ Traces: [{ } trace] }] && trace.Events > large;

    public static string Table(Relation relation) => "some_" + relation.Name;

    public void Make(Relation relation)
    {
        if (!_named.Add(relation.Name))
        {
            return;
        }

        foreach (Relation under in Relations.In(relation.Sql))
        {
            Make(under);
        }

        string rows = relation.Reads is null ? Relations.Expand(relation.Sql, Table) : Filtered(relation, relation.Reads);
        string kind = IsLarge && relation.Reads is not null ? "VIEW" : "TABLE";
        using DuckDBCommand command = session.Command($"CREATE TEMP {kind} {Table(relation)} AS {rows}");
        try
        {
            using CancellationTokenRegistration cancel = session.Stop.Register(command.Cancel);
            session.Frugally(command.ExecuteNonQuery);
            _made.Add($"{kind} {Table(relation)}");
        }
        catch (DuckDBException e)
        {
            session.Stop.ThrowIfCancellationRequested();
            throw new AnalysisException(AnalysisFailure.Input, $"{session.Dataset}: {SqlErrors.OneLine(e)}", e);
        }
    }

    /// <summary>Drops them, so that the next traces' can have their names.</summary>
    public void Dispose()
    {
        if (session.Stop.IsCancellationRequested)
        {
            return;
        }

        using DuckDBCommand command = session.Plain(string.Concat(_made.AsEnumerable().Reverse().Select(made => $"DROP {made};")));
        command.ExecuteNonQuery();
    }

    /// <summary>
    /// The traces' rows of what a relation reads. Their own files are read where they have some: a view would look through the files of
    /// all traces. What was not recorded is not opened.
    /// </summary>
    private string Filtered(Relation relation, IReadOnlyList<string> views)
    {
        string sql = relation.Sql;
        foreach (string view in views)
        {
            string[] files = [.. Files(relation, view)];
            string from = files.Length > 0 && files.All(File.Exists)
                ? $"({Known(view)}SELECT * FROM read_parquet([{string.Join(", ", files.Select(f => Sql.Literal(Sql.GlobSafe(f))))}], union_by_name = true, hive_partitioning = false))"
                : relation.IsEvent && files.Length == 0 ? "(SELECT NULL::VARCHAR AS trace_id WHERE false)" : view;
            sql = Regex.Replace(sql, $@"\bFROM {Regex.Escape(view)}\b", $"FROM {from}".Replace("$", "$$", StringComparison.Ordinal));
        }

        return $"SELECT * FROM ({sql}) WHERE trace_id IN ({string.Join(", ", readers.Select(r => Sql.Literal(r.Traces[0].TraceId)))})";
    }

    // A column that an older version of the program did not write is NULL, as in the views.
    private static string Known(string view) => Tables.Results.FirstOrDefault(table => table.Name == view) is { } table
        ? $"SELECT {string.Join(", ", table.Columns.Select(column => $"NULL::{column.Type} AS {Sql.Identifier(column.Name)}"))} WHERE false UNION ALL BY NAME "
        : "";

    private IEnumerable<string> Files(Relation relation, string view) => readers.SelectMany(reader =>
    {
        TraceManifest trace = reader.Traces[0];
        return relation.IsEvent
            ? trace.EventCounts.Keys.Where(name => name.EndsWith('.' + view, StringComparison.Ordinal)).Select(name => reader.EventPath(trace.TraceId, name))
            : Tables.Results.Any(t => t.Name == view) ? [reader.ResultPath(trace.TraceId, view)] : [];
    });
}
