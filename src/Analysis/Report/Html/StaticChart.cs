using System.Globalization;
using System.Net;
using System.Text;

namespace TraceReplay.Analysis.Report.Html;

/// <summary>
/// The same picture as plain SVG, drawn when the page is written: what is seen without scripts, in a mail, in a screenshot of the whole
/// page. The script puts its own, which can be asked, in its place.
/// </summary>
internal static class StaticChart
{
    private const int Width = 720;
    private const int Left = 190;
    private const int Right = 70;
    private const int Row = 20;

    /// <summary>Marks that are drawn at most: beyond that a picture holds no more, and the table beside it does.</summary>
    private const int MostMarks = 1500;

    /// <summary>The element; empty for a chart without rows.</summary>
    public static string Draw(Chart chart) => chart.Data.Rows.Count == 0 ? "" : chart.Kind switch
    {
        "shares" => Stacked(chart, [.. chart.Data.Rows.Select(r => ($"{r[0]}  {r[1]}", $"{r[2]}", Number(r[3])))], Palette.Outcome, whole: true),
        "stack" => Stacked(chart, [.. chart.Data.Rows.Select(r => ($"{r[0]}", $"{r[1]}", Number(r[2])))], null, whole: false),
        "groups" => Groups(chart),
        "intervals" => Intervals(chart),
        "histogram" => Histogram(chart),
        "lines" => Lines(chart),
        "map" => Map(chart),
        "events" => Events(chart),
        _ => "",
    };

    private static string Stacked(Chart chart, List<(string Label, string Part, double Value)> rows, Func<string, string>? colour, bool whole)
    {
        List<string> labels = [.. rows.Select(r => r.Label).Distinct()];
        List<string> parts = [.. rows.Select(r => r.Part).Distinct()];
        double most = Math.Max(1e-9, labels.Max(l => rows.Where(r => r.Label == l).Sum(r => r.Value)));
        Canvas svg = new(chart, labels.Count * Row);
        svg.Legend(parts, (p, i) => colour?.Invoke(p) ?? Palette.Nth(i));
        for (int i = 0; i < labels.Count; i++)
        {
            double all = whole ? rows.Where(r => r.Label == labels[i]).Sum(r => r.Value) : most;
            double at = Left;
            svg.Label(labels[i], i);
            foreach ((_, string part, double value) in rows.Where(r => r.Label == labels[i]))
            {
                double width = value / Math.Max(all, 1e-9) * Plot;
                svg.Bar(at, i, width, colour?.Invoke(part) ?? Palette.Nth(parts.IndexOf(part)), Row - 4, width > 40 ? Show(value) : null);
                at += width;
            }
        }

        svg.Axis(whole ? "share of the faults on this kind of page (0 to 100 %)" : $"0 to {Show(most)} {Unit(chart)}");
        return svg.Close();
    }

    private static string Groups(Chart chart)
    {
        string[] names = [.. chart.Data.Columns.Skip(1)];
        double most = Math.Max(1e-9, chart.Data.Rows.Max(r => r.Skip(1).Max(Number)));
        int each = 12;
        int height = Math.Max(names.Length * each, 2 * Canvas.Line) + 8;
        Canvas svg = new(chart, chart.Data.Rows.Count * height);
        svg.Legend(names, Colour);
        for (int i = 0; i < chart.Data.Rows.Count; i++)
        {
            svg.Wrapped(Left - 8, (i * height) + ((names.Length * each) / 2), $"{chart.Data.Rows[i][0]}");
            for (int n = 0; n < names.Length; n++)
            {
                double value = Number(chart.Data.Rows[i][n + 1]);
                double width = value / most * Plot;
                svg.Rect(Left, (i * height) + (n * each), width, each - 2, Colour(names[n], n));
                svg.Text(Left + width + 4, (i * height) + (n * each) + 6, Show(value), "start");
            }
        }

        svg.Axis($"0 to {Show(most)} {Unit(chart)}");
        return svg.Close();

        string Colour(string name, int n) => name == "observed" ? "currentColor" : Palette.Nth(n - (names[0] == "observed" ? 1 : 0));
    }

    private static string Intervals(Chart chart)
    {
        double[] ends = [.. chart.Data.Rows.SelectMany(r => r.Skip(1).Take(3)).Where(v => v is not null).Select(Number), 1];
        (double low, double high) = (ends.Min(), ends.Max());
        double X(double value) => Left + ((value - low) / Math.Max(high - low, 1e-9) * Plot);
        Canvas svg = new(chart, chart.Data.Rows.Count * Row);
        for (int i = 0; i < chart.Data.Rows.Count; i++)
        {
            object?[] row = chart.Data.Rows[i];
            svg.Label($"{row[0]}", i);
            if (row[2] is not null && row[3] is not null)
            {
                svg.Rect(X(Number(row[2])), (i * Row) + 4, Math.Max(1, X(Number(row[3])) - X(Number(row[2]))), Row - 10, "#56b4e9");
            }

            svg.Rect(X(Number(row[1])) - 2, (i * Row) + 1, 4, Row - 4, "currentColor");
            svg.Text(Width - Right + 4, (i * Row) + (Row / 2), Show(Number(row[1])), "start");
        }

        svg.Rule(X(1));
        svg.Axis($"{Show(low)} to {Show(high)} {Unit(chart)}, the line is 1");
        return svg.Close();
    }

    private static string Histogram(Chart chart)
    {
        List<string> outcomes = [.. chart.Data.Rows.Select(r => $"{r[0]}").Distinct()];
        (double first, double last) = (chart.Data.Rows.Min(r => Number(r[1])), chart.Data.Rows.Max(r => Number(r[1])) + 1);
        double most = Math.Log10(chart.Data.Rows.Max(r => Number(r[2])) + 1);
        const int height = 180;
        Canvas svg = new(chart, height);
        svg.Legend(outcomes, (o, _) => Palette.Outcome(o));
        double step = Plot / Math.Max(last - first, 1);
        foreach (object?[] row in chart.Data.Rows)
        {
            int nth = outcomes.IndexOf($"{row[0]}");
            double bar = Math.Log10(Number(row[2]) + 1) / most * height;
            svg.Rect(Left + ((Number(row[1]) - first) * step) + (nth * step / outcomes.Count), height - bar, Math.Max(1, (step / outcomes.Count) - 1), bar, Palette.Outcome($"{row[0]}"));
        }

        string unit = Unit(chart);
        svg.Text(Left - 8, 6, $"{Show(chart.Data.Rows.Max(r => Number(r[2])))} faults (logarithmic)", "end");
        svg.Axis($"from {Show(Math.Pow(2, first / 2))} to {Show(Math.Pow(2, last / 2))} {unit} (logarithmic)");
        return svg.Close();
    }

    private static string Lines(Chart chart)
    {
        string[] names = [.. chart.Data.Columns.Skip(1)];
        double most = Math.Max(1e-9, chart.Data.Rows.SelectMany(r => r.Skip(1)).Where(v => v is not null).Select(Number).DefaultIfEmpty(1).Max());
        const int height = 180;
        Canvas svg = new(chart, height);
        svg.Legend(names, (_, i) => Palette.Nth(i));
        double step = Plot / Math.Max(1.0, chart.Data.Rows.Count - 1);
        for (int n = 0; n < names.Length; n++)
        {
            svg.Path([.. chart.Data.Rows.Select((r, i) => (r[n + 1], i)).Where(p => p.Item1 is not null).Select(p => (Left + (p.i * step), height - (Number(p.Item1) / most * height)))], Palette.Nth(n));
        }

        svg.Text(Left - 8, 6, $"{Show(most)} {Unit(chart)}", "end");
        svg.Axis($"{chart.Data.Rows[0][0]} to {chart.Data.Rows[^1][0]}");
        return svg.Close();
    }

    private static string Map(Chart chart)
    {
        const int height = 240;
        double end = chart.Options.TryGetValue("xMax", out object? most) ? Number(most) : chart.Data.Rows.Max(r => Number(r[1]));
        double top = Math.Max(1e-9, chart.Data.Rows.Max(r => Number(r[2])));
        double X(double time) => Left + (Math.Clamp(time / Math.Max(end, 1e-9), 0, 1) * Plot);
        double Y(double place) => height - (Math.Clamp(place / top, 0, 1) * height);
        Canvas svg = new(chart, height);
        svg.Legend([.. chart.Data.Rows.Select(r => $"{r[0]}").Distinct()], (o, _) => Palette.Outcome(o));
        if (chart.Options.TryGetValue("windows", out object? windows) && windows is IReadOnlyList<object?[]> bands)
        {
            foreach (object?[] band in bands.Take(MostMarks))
            {
                svg.Rect(X(Number(band[1])), Y(Number(band[4])), Math.Max(1, X(Number(band[2])) - X(Number(band[1]))), Math.Max(1, Y(Number(band[3])) - Y(Number(band[4]))), "#0072b2", 0.2);
            }
        }

        foreach (object?[] row in chart.Data.Rows.Take(MostMarks))
        {
            svg.Dot(X(Number(row[1])), Y(Number(row[2])), Math.Clamp(1.5 + Math.Log10(Number(row[3]) + 1), 1.5, 5), Palette.Outcome($"{row[0]}"));
        }

        svg.Text(Left - 8, 6, "host addresses", "end");
        svg.Axis($"0 to {Show(end)} {(chart.Options.TryGetValue("xUnit", out object? unit) ? unit : "")}{(chart.Data.Rows.Count > MostMarks ? $", the {MostMarks} points with most faults" : "")}");
        return svg.Close();
    }

    private static string Events(Chart chart)
    {
        List<string> lanes = chart.Options.TryGetValue("lanes", out object? named) && named is IEnumerable<string> known ? [.. known] : [.. chart.Data.Rows.Select(r => $"{r[1]}").Distinct()];
        List<string> roles = [.. chart.Data.Rows.Select(r => $"{r[3]}").Distinct()];
        (double first, double last) = (chart.Data.Rows.Min(r => Number(r[0])), chart.Data.Rows.Max(r => Number(r[0])));
        double X(double at) => Left + (Math.Clamp((at - first) / Math.Max(last - first, 1e-9), 0, 1) * Plot);
        Canvas svg = new(chart, Math.Max(1, lanes.Count) * 26);
        svg.Legend(roles, (_, i) => Palette.Nth(i));
        svg.Rule(X(0));
        for (int i = 0; i < lanes.Count; i++)
        {
            svg.Text(Left - 8, (i * 26) + 13, lanes[i], "end");
        }

        double lastLabel = double.NegativeInfinity;
        foreach (object?[] row in chart.Data.Rows)
        {
            int y = (Math.Max(0, lanes.IndexOf($"{row[1]}")) * 26) + 4;
            svg.Rect(X(Number(row[0])) - 1, y, 2, 18, Palette.Nth(roles.IndexOf($"{row[3]}")));

            // Where a number would run into the one before there is none.
            if (row.Length > 5 && row[5] is not null && X(Number(row[0])) - lastLabel >= 14)
            {
                lastLabel = X(Number(row[0]));
                svg.Text(lastLabel + 2, y + 2, $"{row[5]}", "start");
            }
        }

        svg.Axis($"{Show(first)} to {Show(last)} {Unit(chart)}; the line is the fault");
        return svg.Close();
    }

    private static double Plot => Width - Left - Right;

    private static string Unit(Chart chart) => chart.Options.TryGetValue("unit", out object? unit) ? $"{unit}" : "";

    private static double Number(object? value) => value is null ? 0 : Convert.ToDouble(value, CultureInfo.InvariantCulture);

    private static string Show(double value) => value.ToString(Math.Abs(value) >= 100 || value == Math.Floor(value) ? "#,0" : "0.##", CultureInfo.InvariantCulture);

    /// <summary>The picture under construction: a legend above, a plot, the axis in words below it.</summary>
    private sealed class Canvas(Chart chart, int height)
    {
        public const int Line = 13;
        private const int MostLabel = 28;
        private readonly StringBuilder _body = new();
        private int _top = 6;

        public void Legend(IReadOnlyList<string> names, Func<string, int, string> colour)
        {
            double x = 0;
            int y = 10;
            for (int i = 0; i < names.Count; i++)
            {
                double width = 26 + (names[i].Length * 7);
                if (x > 0 && x + width > Width)
                {
                    (x, y) = (0, y + 18);
                }

                Append($"""<rect x="{x:0.#}" y="{y - 8}" width="12" height="12" fill="{colour(names[i], i)}"/><text x="{x + 16:0.#}" y="{y + 2}">{Safe(names[i], 90)}</text>""");
                x += width;
            }

            _top = y + 16;
        }

        public void Label(string text, int row) => Text(Left - 8, (row * Row) + (Row / 2), text, "end");

        public void Text(double x, double y, string text, string anchor) => Append($"""<text x="{x:0.#}" y="{_top + y:0.#}" text-anchor="{anchor}" dominant-baseline="middle">{Safe(text, anchor == "end" ? MostLabel : 60)}</text>""");

        /// <summary>A label of up to two lines, broken at a space.</summary>
        public void Wrapped(double x, double y, string text)
        {
            int end = text.Length <= MostLabel ? -1 : text.LastIndexOf(' ', MostLabel);
            if (end <= 0)
            {
                Text(x, y, text, "end");
                return;
            }

            Text(x, y - (Line / 2.0), text[..end], "end");
            Text(x, y + (Line / 2.0), text[(end + 1)..], "end");
        }

        public void Bar(double x, int row, double width, string colour, double thick, string? text)
        {
            Rect(x, row * Row, width, thick, colour);
            if (text is not null)
            {
                Append($"""<text x="{x + (width / 2):0.#}" y="{_top + (row * Row) + (thick / 2):0.#}" text-anchor="middle" dominant-baseline="middle" fill="#fff">{Safe(text, 20)}</text>""");
            }
        }

        public void Rect(double x, double y, double width, double thick, string colour, double opacity = 1) =>
            Append($"""<rect x="{x:0.#}" y="{_top + y:0.#}" width="{Math.Max(width, 0):0.##}" height="{Math.Max(thick, 0):0.##}" fill="{colour}"{(opacity < 1 ? $" fill-opacity=\"{opacity:0.#}\"" : "")}/>""");

        public void Dot(double x, double y, double radius, string colour) => Append($"""<circle cx="{x:0.#}" cy="{_top + y:0.#}" r="{radius:0.#}" fill="{colour}"/>""");

        public void Rule(double x) => Append($"""<line x1="{x:0.#}" x2="{x:0.#}" y1="{_top}" y2="{_top + height}" stroke="currentColor" stroke-dasharray="3 3"/>""");

        public void Path(IReadOnlyList<(double X, double Y)> points, string colour) =>
            Append($"""<polyline fill="none" stroke="{colour}" stroke-width="2" points="{string.Join(' ', points.Select(p => FormattableString.Invariant($"{p.X:0.#},{_top + p.Y:0.#}")))}"/>""");

        public void Axis(string words)
        {
            Append($"""<line x1="{Left}" x2="{Width - Right}" y1="{_top + height + 2}" y2="{_top + height + 2}" stroke="currentColor" stroke-opacity="0.4"/>""");
            Append($"""<text x="{Left}" y="{_top + height + 16}">{Safe(words.Trim(), 110)}</text>""");
        }

        // No width of its own: the page's column decides.
        public string Close() =>
            string.Create(CultureInfo.InvariantCulture, $"""<svg class="static" viewBox="0 0 {Width} {_top + height + 24}" font-size="11" fill="currentColor" role="img" aria-label="{Safe(chart.Title, 120)}">{_body}</svg>""");

        private void Append(FormattableString element) => _body.Append(element.ToString(CultureInfo.InvariantCulture));

        private static string Safe(string text, int most) => WebUtility.HtmlEncode(Prose.Shortened(Ingest.Capture.Printable.Line(text), most));
    }
}
