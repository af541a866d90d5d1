using System.Globalization;
using System.Net;
using System.Text;

namespace TraceReplay.Analysis.Nightly;

/// <summary>report.html: what changed first; one file without anything from outside.</summary>
internal static class NightPage
{
    private const string Style = """
        body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#222;background:#fff}
        table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #ddd;vertical-align:top}
        .bad{color:#a40000;font-weight:600}@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#444}.bad{color:#ff8a80}}
        """;

    public static string Text(NightReport report)
    {
        StringBuilder page = new();
        page.Append("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">");
        page.Append(CultureInfo.InvariantCulture, $"<title>Night {SummaryJson.Day(report.Night)}</title><style>{Style}</style></head><body>\n");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Escape(NightText.Headline(report))}</h1>\n");
        page.Append(CultureInfo.InvariantCulture, $"<p>{report.Events} events, {report.Lost} records lost; {report.Faults} faults. Fidelity: {report.Compared} predictions compared, {report.Unexplained} missed without a recorded cause.</p>\n");
        List(page, "Kinds never seen before", report.NewKinds.Select(NightText.Line), bad: true);
        Table(page, "Regressions", report.Regressions);
        List(page, "Captures that could not be read whole", report.Failures, bad: true);
        page.Append(CultureInfo.InvariantCulture, $"<p>A regression: Wilcoxon-Mann-Whitney one-sided, over hosts' nights (a class) or captures (a host against its own past), Holm-corrected over {report.Comparisons.Count(c => c.P is not null)} comparisons at level {report.Level}, and at least the least effect that counts.</p>\n");
        Table(page, "Classes without a regression", report.Comparisons.Where(c => c.Verdict != Verdict.Regression && c.Host is null));
        return page.Append("</body></html>\n").ToString();
    }

    private static void Table(StringBuilder page, string title, IEnumerable<Comparison> comparisons)
    {
        List<Comparison> rows = [.. comparisons];
        if (rows.Count == 0)
        {
            return;
        }

        page.Append(CultureInfo.InvariantCulture, $"<h2>{title}</h2>\n<table><tr><th>class, scenario, kernel</th><th>quantity</th><th>effect</th><th>evidence</th><th>verdict</th></tr>\n");
        foreach (Comparison c in rows)
        {
            string bad = c.Verdict == Verdict.Regression ? " class=\"bad\"" : "";
            page.Append(CultureInfo.InvariantCulture, $"<tr><td>{Escape(c.Subject)}</td><td>{Escape(NightText.Quantity(c))}</td><td{bad}>{Escape(NightText.Effect(c))}</td><td>{Escape(NightText.Evidence(c))}</td><td{bad}>{SummaryJson.Name(c.Verdict)}</td></tr>\n");
        }

        page.Append("</table>\n");
    }

    private static void List(StringBuilder page, string title, IEnumerable<string> lines, bool bad)
    {
        List<string> items = [.. lines];
        if (items.Count > 0)
        {
            page.Append(CultureInfo.InvariantCulture, $"<h2{(bad ? " class=\"bad\"" : "")}>{title}</h2>\n<ul>{string.Concat(items.Select(i => $"<li>{Escape(i)}</li>\n"))}</ul>\n");
        }
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
