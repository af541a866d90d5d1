using System.Globalization;
using System.Text;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Query;

/// <summary>A few rows of our own, printed the same way as those of a query.</summary>
/// <param name="Columns">Names and DuckDB types.</param>
/// <param name="Rows">One value per column; null for NULL.</param>
public sealed record RowSet(IReadOnlyList<Column> Columns, IReadOnlyList<object?[]> Rows)
{
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

    private static string Literal(object? value) =>
        value is null ? "NULL::VARCHAR" : Sql.Literal(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
}
