namespace TraceReplay.Analysis.Report.Html;

/// <summary>Writes rows as a table; a long one says how many rows it leaves out.</summary>
internal static class HtmlTable
{
    /// <summary>Rows that a table shows before it only counts the rest.</summary>
    public const int Shown = 60;

    // Longer text gets room, or it would stand in a column one word wide on a phone.
    private const int LongText = 40;
    private const int Phrase = 20;

    /// <summary>Columns that a phone has room for.</summary>
    private const int Narrow = 4;

    /// <param name="html">Where to.</param>
    /// <param name="grid">The rows.</param>
    /// <param name="missing">What stands where there is no value.</param>
    public static void Write(HtmlWriter html, Grid grid, string missing = "unknown")
    {
        if (grid.Rows.Count == 0)
        {
            return;
        }

        bool[] numeric = [.. grid.Columns.Select((_, i) => grid.Rows.Any(r => Grid.IsNumber(r[i])) && grid.Rows.All(r => r[i] is null || Grid.IsNumber(r[i])))];
        html.Open("div", ("class", grid.Columns.Count > Narrow || grid.Rows.Any(r => r.Any(v => v is string { Length: > LongText })) ? "scroll wide" : "scroll"), ("tabindex", "0")).Open("table");
        html.Open("thead").Open("tr");
        for (int i = 0; i < grid.Columns.Count; i++)
        {
            html.Element("th", grid.Columns[i], ("scope", "col"), ("class", numeric[i] ? "number" : null));
        }

        html.Close().Close().Open("tbody");
        foreach (object?[] row in grid.Rows.Take(Shown))
        {
            html.Open("tr");
            for (int i = 0; i < row.Length; i++)
            {
                string? kind = row[i] is null ? "unknown" : numeric[i] ? "number" : row[i] is string { Length: > Phrase } text ? text.Length > LongText ? "long" : "phrase" : null;
                html.Element("td", row[i] is null ? missing : Grid.Show(row[i]), ("class", kind));
            }

            html.Close();
        }

        html.Close().Close().Close();
        if (grid.Rows.Count > Shown)
        {
            html.Element("p", $"{Prose.Count(grid.Rows.Count - Shown, "more row is", "more rows are")} not shown.", ("class", "note"));
        }
    }
}
