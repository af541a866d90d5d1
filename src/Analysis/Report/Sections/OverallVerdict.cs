using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>The verdict on several captures as a paragraph: which kernels did what their own logic says, what was refused, what was found.</summary>
internal static class OverallVerdict
{
    private const int Most = 6;

    public static void Write(HtmlWriter html, IReadOnlyList<TraceSummary> traces)
    {
        var links = new CaptureLinks(html, traces);
        html.Open("p", ("class", "verdict"));
        Judged(html, links, traces);
        Refused(html, traces);
        Found(html, links, traces);
        html.Close();
    }

    private static void Judged(HtmlWriter html, CaptureLinks links, IReadOnlyList<TraceSummary> traces)
    {
        List<TraceSummary> judged = [.. traces.Where(t => Outcomes(t) is { Covered: > 0 })];
        List<TraceSummary> unjudged = [.. traces.Where(t => Outcomes(t) is not { Covered: > 0 })];
        List<TraceSummary> wrong = [.. judged.Where(t => Outcomes(t)!.Missed > 0)];
        if (judged.Count > 0)
        {
            int right = judged.Count - wrong.Count;
            string of = judged.Count == traces.Count && wrong.Count == 0 ? $"In all {Prose.Count(traces.Count)} captures" : $"In {Prose.Count(right)} of {Prose.Count(traces.Count, "capture", "captures")}";
            html.Text($"{of} the kernel did what its own logic says, in every fault that can be decided.");
            if (wrong.Count > 0)
            {
                html.Text(" It did not in ");
                links.Write(wrong, Most);
                html.Text($" ({Prose.Count(wrong.Sum(t => Outcomes(t)!.Missed), "fault", "faults")}, for which no cause is known).");
            }
        }

        if (unjudged.Count > 0)
        {
            html.Text(judged.Count == 0 ? "No capture can be judged: " : $" {Prose.Count(unjudged.Count, "capture", "captures")} cannot be judged: ");
            links.Write(unjudged, Most);
            html.Text(".");
        }
    }

    private static void Refused(HtmlWriter html, IReadOnlyList<TraceSummary> traces)
    {
        List<long> refused = [.. traces.Select(t => Verdict.Ends(t, Verdict.Refused, SummaryReader.Observed)).Where(n => n > 0)];
        html.Text(refused.Count == 0
            ? " No fault was seen refused."
            : $" {Prose.Count(refused.Sum(), "fault was", "faults were")} refused with EFAULT, in {Prose.Count(refused.Count, "capture", "captures")}.");
    }

    private static void Found(HtmlWriter html, CaptureLinks links, IReadOnlyList<TraceSummary> traces)
    {
        var told = FoundSection.Told(traces);
        HashSet<string> anchors = [.. FoundSection.Anchors(traces)];
        List<Counted> found = [.. told.Select(Counted.Of)];
        string said = "";
        foreach (Counted finding in found.Take(Most).OrderByDescending(f => f.IsKnownDefect))
        {
            string group = finding.IsKnownDefect ? " Defects of KVM that are known: " : " Found besides: ";
            html.Text(group == said ? "; " : said.Length == 0 && !finding.IsKnownDefect ? " Found: " : (said.Length > 0 ? "." : "") + group);
            html.Element(anchors.Contains(finding.Id) ? "a" : "span", finding.Id, ("href", anchors.Contains(finding.Id) ? "#" + FoundSection.Anchor(finding.Id) : null));
            html.Text($" in {Prose.Count(finding.Traces.Count, "capture", "captures")} (");
            links.Write(finding.Traces, Most);
            html.Text(finding.IsKnownDefect ? ")" : $"), {VerdictText.Doing(finding.Cause)}");
            said = group;
        }

        html.Text(found.Count == 0 ? "" : found.Count > Most ? $"; and {Prose.Count(found.Count - Most)} more." : ".");
    }

    private static FidelityLine? Outcomes(TraceSummary trace) => Verdict.Of(trace).Outcomes;

    private sealed record Counted(string Id, bool IsKnownDefect, string Cause, IReadOnlyList<TraceSummary> Traces)
    {
        public static Counted Of(IGrouping<string, (TraceSummary Trace, AlikeFindings Alike)> finding) => new(
            finding.Key, Catalogue.All.FirstOrDefault(f => f.Id == finding.Key) is { IsKnownDefect: true }, finding.First().Alike.First.Cause, [.. finding.Select(f => f.Trace).Distinct()]);
    }
}
