using System.Globalization;
using System.Text;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Query;

/// <summary>A few rows of our own, printed the same way as those of a query.</summary>
/// <param name="Columns">Names and DuckDB types.</param>
/// <param name="Rows">One value per column; null for NULL.</param>
public sealed record RowSet(IReadOnlyList<Column> Columns, IReadOnlyList<object?[]> Rows)
{
    /// <summary>Every value is what DuckDB would give for it: no text stands for a number, no number for another type.</summary>
    internal bool IsPlain => Rows.All(row => Enumerable.Range(0, Columns.Count).All(i => IsOf(row[i], Columns[i].Type)));

    /// <summary>The rows as a SELECT.</summary>
    public string ToSql()
    {
        var sql = new StringBuilder("SELECT ");
        sql.AppendJoin(", ", Columns.Select((c, i) => $"c{i}::{c.Type} AS {Sql.Identifier(c.Name)}"));
        sql.Append(" FROM (VALUES ");
        // A row of NULLs that is filtered out again gives the columns even to a set without rows.
        sql.AppendJoin(", ", Rows.Prepend(new object?[Columns.Count]).Select((row, i) => $"({i}, {string.Join(", ", row.Select(Literal))})"));
        return sql.Append($") v(n, {string.Join(", ", Columns.Select((_, i) => $"c{i}"))}) WHERE n > 0 ORDER BY n").ToString();
    }

    private static bool IsOf(object? value, string type) => value is null || type switch
    {
        "VARCHAR" => value is string,
        "BOOLEAN" => value is bool,
        "BIGINT" => value is long or int or short or sbyte or uint or ushort or byte,
        "INTEGER" => value is int or short or sbyte or ushort or byte,
        "UBIGINT" => value is ulong or uint or ushort or byte,
        "DOUBLE" => value is double,
        _ => false,
    };

    private static string Literal(object? value) =>
        value is null ? "NULL::VARCHAR" : Sql.Literal(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
}
