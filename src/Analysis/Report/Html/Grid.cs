using System.Globalization;
using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Report.Html;

/// <summary>Rows with the titles that their SELECT gives them: the numbers of a chart, and the table behind it.</summary>
internal sealed record Grid(IReadOnlyList<string> Columns, IReadOnlyList<object?[]> Rows)
{
    /// <summary>Rows of one of the SELECTs that lie beside the report.</summary>
    /// <param name="name">File name without its ending.</param>
    public static Grid Read(DatasetSession session, string name, params ReadOnlySpan<(string Name, object Value)> parameters) =>
        Select(session, Resource.Text($"Report.{name}.sql"), parameters);

    public static Grid Select(DatasetSession session, string sql, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        string[] columns = [];
        List<object?[]> rows = session.Select(
            sql,
            r =>
            {
                if (columns.Length == 0)
                {
                    columns = [.. Enumerable.Range(0, r.FieldCount).Select(r.GetName)];
                }

                return Values(r);
            },
            parameters);
        return new Grid(columns, rows);
    }

    public int Column(string title)
    {
        int index = Columns.ToList().IndexOf(title);
        return index >= 0 ? index : throw new ArgumentException($"there is no column {title}", nameof(title));
    }

    /// <summary>The same rows with some columns left out.</summary>
    public Grid Without(params string[] titles)
    {
        int[] kept = [.. Enumerable.Range(0, Columns.Count).Where(i => !titles.Contains(Columns[i]))];
        return new Grid([.. kept.Select(i => Columns[i])], [.. Rows.Select(r => kept.Select(i => r[i]).ToArray())]);
    }

    /// <summary>The same rows without the columns in which nothing stands.</summary>
    public Grid WithoutEmptyColumns() => Without([.. Columns.Where((_, i) => Rows.All(r => r[i] is null))]);

    /// <summary>A value as a person reads it; null is what is not known.</summary>
    public static string Show(object? value) => value switch
    {
        null => "unknown",
        string text => text,
        bool truth => truth ? "yes" : "no",
        double number when double.IsInteger(number) && Math.Abs(number) < 1e15 => number.ToString("N0", CultureInfo.InvariantCulture),
        double number => Math.Abs(number) >= 100 ? number.ToString("N0", CultureInfo.InvariantCulture) : number.ToString("0.###", CultureInfo.InvariantCulture),
        sbyte or byte or short or ushort or int or uint or long or ulong => ((IFormattable)value).ToString("N0", CultureInfo.InvariantCulture),
        IFormattable other => other.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };

    public static bool IsNumber(object? value) => value is sbyte or byte or short or ushort or int or uint or long or ulong or double;

    private static object?[] Values(DuckDBDataReader reader)
    {
        var values = new object?[reader.FieldCount];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = reader.IsDBNull(i) ? null : reader.GetValue(i);
        }

        return values;
    }
}
