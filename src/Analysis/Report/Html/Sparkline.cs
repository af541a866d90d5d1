using System.Globalization;
using System.Net;
using System.Text;

namespace TraceReplay.Analysis.Report.Html;

/// <summary>A line of a word's size: how a number went, the last value marked. Plain SVG, without a script.</summary>
internal static class Sparkline
{
    private const int Width = 120;
    private const int Height = 24;
    private const int Margin = 3;

    /// <param name="values">The values, from 0 up, the last one marked.</param>
    /// <param name="says">What it shows, for those who do not see it.</param>
    /// <returns>The element; empty for no values.</returns>
    public static string Draw(IReadOnlyList<double> values, string says)
    {
        if (values.Count == 0)
        {
            return "";
        }

        double most = Math.Max(1e-12, values.Max());
        double X(int i) => values.Count == 1 ? Width - Margin : Margin + ((double)i / (values.Count - 1) * (Width - (2 * Margin)));
        double Y(double v) => Height - Margin - (v / most * (Height - (2 * Margin)));
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"spark\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(Ingest.Capture.Printable.Line(says))}\">");
        svg.Append("<polyline fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.5\" points=\"");
        svg.AppendJoin(' ', values.Select((v, i) => string.Create(CultureInfo.InvariantCulture, $"{X(i):0.#},{Y(v):0.#}")));
        svg.Append(CultureInfo.InvariantCulture, $"\"/><circle cx=\"{X(values.Count - 1):0.#}\" cy=\"{Y(values[^1]):0.#}\" r=\"2.5\" fill=\"#d55e00\"/></svg>");
        return svg.ToString();
    }
}
