using System.Globalization;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>The top of the page: the verdict in plain words, what was found, and all traces side by side.</summary>
internal static class VerdictSection
{
    public static void Write(HtmlWriter html, DatasetSession session, IReadOnlyList<TraceSummary> traces, ReportOrigin origin)
    {
        List<Verdict> verdicts = [.. traces.Select(Verdict.Of)];
        html.Open("header");
        html.Element("p", "TraceReplay: what the captures show, and what the models say of it", ("class", "kicker"));
        html.Element("h1", traces.Count == 1 ? Name(traces[0]) : Prose.Count(traces.Count, "capture", "captures"));
        Lead(html, traces, verdicts);
        if (traces.Count == 1)
        {
            html.Element("p", VerdictText.Of(traces[0]));
        }

        html.Open("p", ("class", "note")).Text($"Made by {DatasetFormat.Program.Split('+')[0]}: ").Element("code", origin.Command, ("class", "command"));
        if (traces is [{ Trace.Sha256: { } sha }])
        {
            html.Text("SHA-256 of the capture: ").Element("code", sha, ("class", "command"));
        }

        html.Close();
        html.Close();
        Contents(html, traces);
        html.Open("section", ("aria-label", "Findings"), ("id", "found")).Element("h2", "What was found");
        Findings(html, session, traces, origin);
        html.Close();
        if (traces.Count > 1)
        {
            html.Open("section", ("id", "captures")).Element("h2", "All captures");
            Refusals(traces)?.Write(html);
            Table(html, traces, verdicts);
            html.Close();
        }
    }

    /// <summary>The traces that get a chapter: all, or the first ones, those with something to look at before the others.</summary>
    public static IEnumerable<TraceSummary> WithChapter(IReadOnlyList<TraceSummary> traces) => traces.Count <= ReportWriter.Chapters
        ? traces
        : traces.OrderByDescending(t => Verdict.Of(t).Tone == Tone.Bad).ThenByDescending(t => t.Divergences.Sum(d => d.Faults)).Take(ReportWriter.Chapters);

    public static string Name(TraceSummary trace) => Path.GetFileName(trace.Trace.Path) is { Length: > 0 } name ? name : trace.Trace.Id;

    public static string Anchor(TraceSummary trace) => "t-" + trace.Trace.Id;

    public static void Badge(HtmlWriter html, Tone tone, string word) =>
        html.Open("span", ("class", "badge " + Enum.GetName(tone)!.ToLowerInvariant())).Text(word).Close();

    private static void Lead(HtmlWriter html, IReadOnlyList<TraceSummary> traces, List<Verdict> verdicts)
    {
        if (verdicts.Count == 0)
        {
            html.Element("p", "There is no capture in this dataset.", ("class", "lead"));
            return;
        }

        FidelityLine all = FidelityLine.Sum([.. verdicts.Select(v => v.Outcomes).OfType<FidelityLine>()]);
        Tone tone = verdicts.Select(v => v.Tone).MaxBy(t => t switch { Tone.Bad => 3, Tone.Doubtful => 2, Tone.Good => 1, _ => 0 });
        string sentence = verdicts.Count == 1
            ? verdicts[0].Sentence
            : all.Covered == 0
                ? "No outcome could be compared with what a model says: nothing on this page is checked."
                : $"For every capture, the model of its kernel was compared with what that kernel did. The model {Verdict.Agreement(all, "the kernel")}";
        html.Open("div", ("class", "lead " + Enum.GetName(tone)!.ToLowerInvariant()));
        html.Element("p", sentence);
        html.Element("p", "Everything else on this page is worth as much as these numbers.", ("class", "note"));
        html.Close();
        Doubts(html, traces, verdicts);
    }

    private static void Doubts(HtmlWriter html, IReadOnlyList<TraceSummary> traces, List<Verdict> verdicts)
    {
        var doubts = new List<string>();
        void Add(int count, string one, string many)
        {
            if (count > 0)
            {
                doubts.Add(traces.Count == 1 ? $"The capture {one}." : $"{Prose.Count(count, "capture " + one, "captures " + many)}.");
            }
        }

        Add(traces.Count(t => t.Trace.Lost is null or > 0), "lost records", "lost records");
        Add(traces.Count(t => !t.Trace.Complete), "is damaged: only what was complete before the damage is here", "are damaged: only what was complete before the damage is here");
        if (traces.Count > 1)
        {
            Add(verdicts.Count(v => v.Tone == Tone.Unknown), "could not be compared", "could not be compared");
        }

        if (doubts.Count > 0)
        {
            html.Element("p", string.Join(' ', doubts), ("class", "doubt"));
        }
    }

    private static void Contents(HtmlWriter html, IReadOnlyList<TraceSummary> traces)
    {
        html.Open("nav", ("class", "contents"), ("aria-label", "Contents"));
        html.Element("a", "What was found", ("href", "#found"));
        if (traces.Count > 1)
        {
            html.Element("a", "All captures", ("href", "#captures"));
        }

        foreach (TraceSummary trace in WithChapter(traces))
        {
            html.Element("a", Name(trace), ("href", "#" + Anchor(trace)));
            foreach ((string id, string title) in traces.Count == 1 && trace.Faults > 0 ? TraceChapter.Parts : [])
            {
                html.Element("a", title, ("href", $"#{id}-{trace.Trace.Id}"));
            }
        }

        html.Element("a", "How to read this", ("href", "#method"));
        html.Close();
    }

    private static void Findings(HtmlWriter html, DatasetSession session, IReadOnlyList<TraceSummary> traces, ReportOrigin origin)
    {
        html.Open("ul", ("class", "findings"));
        int said = Named(html, traces, origin) + Misses(html, traces) + KernelViolations(html, session, traces) + Refused(html, traces) + Divergences(html, traces);
        if (said == 0)
        {
            html.Element("li", traces.All(t => Verdict.Of(t).Tone == Tone.Unknown)
                ? "Nothing could be found: no outcome of a model could be compared with a kernel's."
                : "Nothing: no refused fault, no broken invariant of the kernel's records, and no fault that two models end differently.");
        }

        html.Close();
    }

    private static int Named(HtmlWriter html, IReadOnlyList<TraceSummary> traces, ReportOrigin origin)
    {
        const int most = 12;
        HashSet<string> chapters = [.. WithChapter(traces).Select(t => t.Trace.Id)];
        var found = traces.SelectMany(t => AlikeFindings.Of(t.Findings).Select(f => (Trace: t, Alike: f))).Where(f => f.Alike.First.Severity != Finding.Spell(Severity.Note)).ToList();
        foreach ((TraceSummary trace, AlikeFindings alike) in found.OrderBy(f => f.Alike.First.Severity switch { "critical" => 0, "serious" => 1, _ => 2 }).Take(most))
        {
            FindingRow finding = alike.First;
            html.Open("li", ("class", IsDefect(finding) ? "bad" : "warn"), ("id", $"{finding.Finding}-{trace.Trace.Id}-{(finding.FirstSeq ?? 0).ToString(CultureInfo.InvariantCulture)}")).Element("strong", finding.Finding);
            if (traces.Count > 1)
            {
                html.Text(" in ").Element(chapters.Contains(trace.Trace.Id) ? "a" : "span", Name(trace), ("href", chapters.Contains(trace.Trace.Id) ? "#" + Anchor(trace) : null))
                    .Text(trace.Trace.Host is { } host and not ("(none)" or "unknown") ? $" of {host}" : "");
            }

            html.Text($" ({finding.Severity}, {finding.Certainty}; {finding.Cause}): {alike.Says()}");
            html.Element("span", finding.Advice, ("class", "cause"));
            if (finding.FirstFault is { } first)
            {
                string fault = first.ToString(CultureInfo.InvariantCulture);
                html.Element("code", $"tracereplay around {trace.Trace.Id} -d {origin.Directory} --fault {fault}", ("class", "command"));
                html.Element("code", $"tracereplay export -d {origin.Directory} --trace {trace.Trace.Id} --fault {fault} -o {trace.Trace.Id}.perfetto-trace", ("class", "command"));
            }

            html.Close();
        }

        if (found.Count > most)
        {
            html.Element("li", $"{Prose.Count(found.Count - most, "more finding", "more findings")}: `tracereplay findings` lists all.");
        }

        return found.Count;
    }

    // What KVM does right, however bad for the guest, is not in the colour of what it does wrong.
    private static bool IsDefect(FindingRow finding) => (finding.Cause is "kernel" or "model") && (finding.Severity is "critical" or "serious");

    private static int Misses(HtmlWriter html, IReadOnlyList<TraceSummary> traces)
    {
        int said = 0;
        foreach (TraceSummary trace in traces.Where(t => t.Fidelity.Any(f => f.Missed > 0)).Take(6))
        {
            string quantities = string.Join(", ", trace.Fidelity.Where(f => f.Missed > 0).Select(f => $"{Prose.Count(f.Missed)} of {f.Quantity}"));
            html.Open("li", ("class", "bad")).Element("strong", "Misses").Text($" in {Name(trace)}: {quantities}.").Close();
            said++;
        }

        return said;
    }

    private static int KernelViolations(HtmlWriter html, DatasetSession session, IReadOnlyList<TraceSummary> traces)
    {
        HashSet<string> ids = [.. traces.Select(t => t.Trace.Id)];
        List<(string Trace, string Name, long Count)> broken = session.Select(
            "SELECT trace_id, invariant || ' ' || name, count(*) FROM violations WHERE model = 'kernel' AND verdict = 'violated' GROUP BY ALL ORDER BY 3 DESC",
            r => (r.GetString(0), r.GetString(1), r.GetInt64(2)));
        int said = 0;
        foreach (IGrouping<string, (string Trace, string Name, long Count)> invariant in broken.Where(b => ids.Contains(b.Trace)).GroupBy(b => b.Name).Take(6))
        {
            html.Open("li", ("class", "bad")).Element("strong", $"{invariant.Key} broken by a kernel")
                .Text($": {Prose.Count(invariant.Sum(i => i.Count), "time", "times")} in {Prose.Count(invariant.Count(), "capture", "captures")}.").Close();
            said++;
        }

        return said;
    }

    private static int Refused(HtmlWriter html, IReadOnlyList<TraceSummary> traces)
    {
        long faults = traces.Sum(t => Verdict.Ends(t, "EFAULT", SummaryReader.Observed));
        int captures = traces.Count(t => Verdict.Ends(t, "EFAULT", SummaryReader.Observed) > 0);
        if (faults == 0)
        {
            return 0;
        }

        string models = string.Join(", ", Verdict.Models(traces).Select(m => $"{m} {Prose.Count(traces.Where(t => Verdict.Ends(t, "EFAULT", SummaryReader.Observed) > 0).Sum(t => Verdict.Ends(t, "EFAULT", m)))}"));
        bool defect = traces.Any(t => t.Findings.Any(IsDefect));
        html.Open("li", ("class", defect ? "bad" : null)).Element("strong", defect ? "Guest pages refused" : "Guest pages refused as they must be")
            .Text($": the kernel{(captures > 1 ? "s" : "")} ended {Prose.Count(faults, "fault", "faults")} with EFAULT{(traces.Count > 1 ? $", in {Prose.Count(captures, "capture", "captures")}" : "")}. On the same captures the models refuse: {models}.").Close();
        return 1;
    }

    private static int Divergences(HtmlWriter html, IReadOnlyList<TraceSummary> traces)
    {
        var ways = traces.SelectMany(t => t.Divergences)
            .GroupBy(d => (d.ModelA, d.OutcomeA, d.OutcomeB, d.PageKind))
            .Select(g => (g.Key, Models: g.Select(d => d.ModelB).Distinct().OrderBy(ModelOrder.Rank).ToList(), Faults: g.GroupBy(d => d.ModelB).Max(m => m.Sum(d => d.Faults)), g.Last().Cause))
            .OrderByDescending(w => w.Faults).ToList();
        foreach (var way in ways.Take(6))
        {
            html.Open("li", ("class", "warn")).Element("strong", $"{way.Key.ModelA} diverges from {string.Join(" and ", way.Models)}")
                .Text($" on {Prose.Count(way.Faults, "fault", "faults")} on {way.Key.PageKind} pages: {way.Key.ModelA} {way.Key.OutcomeA ?? "unknown"}, {string.Join(" and ", way.Models)} {way.Key.OutcomeB ?? "unknown"}.");
            if (way.Cause is { Length: > 0 } cause)
            {
                html.Element("span", Prose.Sentence(cause), ("class", "cause"));
            }

            html.Close();
        }

        if (ways.Count > 6)
        {
            html.Element("li", $"{Prose.Count(ways.Count - 6, "more way", "more ways")} to diverge: see the captures below.");
        }

        return ways.Count;
    }

    private static Chart? Refusals(IReadOnlyList<TraceSummary> traces)
    {
        string[] sources = [SummaryReader.Observed, .. Verdict.Models(traces)];
        List<object?[]> rows = [.. traces
            .Where(t => sources.Any(s => Verdict.Ends(t, "EFAULT", s) > 0)).Take(24)
            .Select(t => (object?[])[Name(t), .. sources.Select(s => (object?)Verdict.Ends(t, "EFAULT", s))])];
        return rows.Count == 0 ? null : new Chart
        {
            Kind = "groups",
            Title = "Faults refused with EFAULT",
            Says = $"For each capture the faults that the kernel refused, and beside them those that each model refuses of the same faults. {(rows.Count < traces.Count ? $"{Prose.Count(traces.Count - rows.Count, "capture", "captures")} without a refusal, or beyond the first 24, not drawn." : "")}".TrimEnd(),
            Data = new Grid(["capture", .. sources], rows),
            Options = new Dictionary<string, object?> { ["unit"] = "faults with EFAULT" },
        };
    }

    private static void Table(HtmlWriter html, IReadOnlyList<TraceSummary> traces, List<Verdict> verdicts)
    {
        const int shown = 400;
        HashSet<string> chapters = [.. WithChapter(traces).Select(t => t.Trace.Id)];
        html.Open("div", ("class", "scroll"), ("tabindex", "0")).Open("table").Open("thead").Open("tr");
        foreach (string title in (ReadOnlySpan<string>)["capture", "kernel", "model and kernel", "agree", "coverage", "faults", "EFAULT", "records lost"])
        {
            html.Element("th", title, ("scope", "col"), ("class", title is "agree" or "coverage" or "faults" or "EFAULT" or "records lost" ? "number" : null));
        }

        html.Close().Close().Open("tbody");
        foreach ((TraceSummary trace, Verdict verdict) in traces.Zip(verdicts).Take(shown))
        {
            html.Open("tr").Open("td");
            html.Element(chapters.Contains(trace.Trace.Id) ? "a" : "span", Name(trace), ("href", chapters.Contains(trace.Trace.Id) ? "#" + Anchor(trace) : null));
            html.Close().Element("td", trace.Trace.Kernel ?? "unknown").Open("td");
            Badge(html, verdict.Tone, verdict.Word);
            html.Close();
            html.Element("td", verdict.Outcomes is { } agree ? Prose.Percent(agree.Matched, agree.Decided) : "-", ("class", "number"));
            html.Element("td", verdict.Outcomes is { } covered ? Prose.Percent(covered.Covered, covered.Total) : "-", ("class", "number"));
            html.Element("td", Prose.Count(trace.Faults), ("class", "number"));
            html.Element("td", Prose.Count(Verdict.Ends(trace, "EFAULT", SummaryReader.Observed)), ("class", "number"));
            html.Element("td", trace.Trace.Lost is { } lost ? Prose.Count(lost) : "unknown", ("class", "number")).Close();
        }

        html.Close().Close().Close();
        string left = chapters.Count < traces.Count ? $" {Prose.Count(chapters.Count)} have a chapter below, those with misses and divergences first; `tracereplay report --trace ID` makes one for any other." : "";
        string cut = traces.Count > shown ? $" {Prose.Count(traces.Count - shown)} captures are not in this table." : "";
        if (left.Length + cut.Length > 0)
        {
            html.Element("p", (left + cut).Trim(), ("class", "note"));
        }
    }
}
