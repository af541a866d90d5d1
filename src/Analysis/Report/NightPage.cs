using System.Globalization;
using System.Net;
using System.Text;
using TraceReplay.Analysis.Nightly;

namespace TraceReplay.Analysis.Report;

/// <summary>The report of a night: what changed comes first.</summary>
public static class NightPage
{
    public static void Write(Stream output, NightSummary night)
    {
        var page = new StringBuilder("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>TraceReplay night</title>");
        page.Append(CultureInfo.InvariantCulture, $"<h1>Night of {night.Date:yyyy-MM-dd}</h1><ul>");
        foreach (NightComparison c in night.Comparisons.Where(c => c.IsRegression))
        {
            page.Append("<li>").Append(WebUtility.HtmlEncode($"{c.Class} {c.Kernel} {c.Scenario}: {NightOutputs.Say(c)}")).Append("</li>");
        }

        page.Append("</ul></html>\n");
        output.Write(Encoding.UTF8.GetBytes(page.ToString()));
    }
}
