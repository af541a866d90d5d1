using System.Globalization;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>What was found, each thing once, whatever captures have it.</summary>
internal sealed class FoundSection(HtmlWriter html, IReadOnlyList<TraceSummary> traces, string directory)
{
    private const int MostFindings = 12;
    private const int MostCaptures = 6;
    private const int MostWays = 6;

    private readonly CaptureLinks _links = new(html, traces);

    public void Write(DatasetSession session)
    {
        html.Open("section", ("aria-label", "Findings"), ("id", "found")).Element("h2", "What was found");
        html.Open("ul", ("class", "findings"));
        int said = Named() + Misses() + KernelViolations(session) + Refused() + Divergences();
        if (said == 0)
        {
            html.Element("li", traces.All(t => Verdict.Of(t).Tone == Tone.Unknown)
                ? "Nothing could be found: no outcome of a model could be compared with a kernel's."
                : "Nothing: no refused fault, no broken invariant of the kernel's records, and no fault that two models end differently.");
        }

        html.Close();
        Spared();
        html.Close();
    }

    /// <summary>The anchor of what is told of a finding.</summary>
    public static string Anchor(string finding) => "finding-" + finding;

    /// <summary>The findings that are told, by their id, most severe first.</summary>
    public static IReadOnlyList<IGrouping<string, (TraceSummary Trace, AlikeFindings Alike)>> Told(IReadOnlyList<TraceSummary> traces) =>
    [
        .. traces.SelectMany(t => AlikeFindings.Of(t.Findings).Select(f => (Trace: t, Alike: f)))
            .Where(f => f.Alike.First.Severity != Finding.Spell(Severity.Note))
            .GroupBy(f => f.Alike.First.Finding)
            .OrderBy(g => g.Min(f => Rank(f.Alike.First))),
    ];

    /// <summary>Only the first ones have an entry, and so an anchor.</summary>
    public static IEnumerable<string> Anchors(IReadOnlyList<TraceSummary> traces) => Told(traces).Take(MostFindings).Select(f => f.Key);

    // What KVM does right, however bad for the guest, is not in the colour of what it does wrong.
    private static bool IsDefect(FindingRow finding) => (finding.Cause is "kernel" or "model") && (finding.Severity is "critical" or "serious");

    private static int Rank(FindingRow finding) => finding.Severity switch { "critical" => 0, "serious" => 1, _ => 2 };

    private int Named()
    {
        var told = Told(traces);
        foreach (var finding in told.Take(MostFindings))
        {
            List<(TraceSummary Trace, AlikeFindings Alike)> found = [.. finding];
            FindingRow first = found.MinBy(f => Rank(f.Alike.First)).Alike.First;
            html.Open("li", ("class", found.Exists(f => IsDefect(f.Alike.First)) ? "bad" : "warn"), ("id", Anchor(finding.Key))).Element("strong", finding.Key);
            if (found.Count == 1)
            {
                One(found[0].Trace, found[0].Alike);
            }
            else
            {
                Several(found, first);
            }

            html.Close();
        }

        if (told.Count > MostFindings)
        {
            html.Element("li", $"{Prose.Count(told.Count - MostFindings, "more finding", "more findings")}: `tracereplay findings` lists all.");
        }

        return told.Count;
    }

    private void One(TraceSummary trace, AlikeFindings alike)
    {
        if (traces.Count > 1)
        {
            html.Text(" in ");
            _links.Write(trace);
            Host(trace);
        }

        html.Text($" ({alike.First.Severity}, {alike.First.Certainty}; {alike.First.Cause}): {alike.Says()}");
        html.Element("span", alike.First.Advice, ("class", "cause"));
        Commands(trace, alike.First);
    }

    private void Several(List<(TraceSummary Trace, AlikeFindings Alike)> found, FindingRow first)
    {
        int captures = found.Select(f => f.Trace).Distinct().Count();
        Finding? known = Catalogue.All.FirstOrDefault(f => f.Id == first.Finding);
        string where = captures == 1 ? "" : $" in {Prose.Count(captures)} captures";
        html.Text($"{where} ({first.Severity}, {first.Certainty}; {first.Cause}): {Prose.Sentence(known?.Title ?? first.Title)} {known?.Meaning}");
        foreach (string advice in found.Select(f => f.Alike.First.Advice).Distinct().Take(MostCaptures))
        {
            html.Element("span", advice, ("class", "cause"));
        }

        html.Open("ul", ("class", "plain"));
        foreach (var capture in found.GroupBy(f => f.Trace).Take(MostCaptures))
        {
            List<AlikeFindings> sorts = [.. capture.Select(f => f.Alike)];
            html.Open("li");
            if (traces.Count > 1)
            {
                _links.Write(capture.Key);
                Host(capture.Key);
                html.Text(": ");
            }

            // What one capture has in several sorts is told apart by what each says of itself.
            html.Text(sorts.Count == 1 ? Numbers(sorts) : $"{Numbers(sorts)} {string.Join(' ', sorts.Take(MostCaptures).Select(s => Prose.Sentence(s.First.Title)))}{(sorts.Count > MostCaptures ? $" And {Prose.Count(sorts.Count - MostCaptures)} more." : "")}");
            Commands(capture.Key, sorts[0].First);
            html.Close();
        }

        html.Close();
        if (captures > MostCaptures)
        {
            html.Element("span", $"And {Prose.Count(captures - MostCaptures, "more capture", "more captures")}: `tracereplay findings -d {directory}` lists them.", ("class", "cause"));
        }
    }

    private static string Numbers(List<AlikeFindings> sorts)
    {
        List<FindingRow> rows = [.. sorts.SelectMany(s => s.Others.Prepend(s.First))];
        string[] parts =
        [
            .. rows.Sum(f => f.Faults ?? 0) is > 0 and var faults ? (string[])[Prose.Count(faults, "fault", "faults")] : [],
            .. rows.Count > 1 ? (string[])[$"{Prose.Count(rows.Count)} places"] : [],
            .. sorts[0].First.FirstFault is { } first ? (string[])[$"first fault {first.ToString(CultureInfo.InvariantCulture)}"] : [],
        ];
        return parts.Length == 0 ? Prose.Sentence(sorts[0].First.Evidence) : string.Join(", ", parts) + ".";
    }

    private void Commands(TraceSummary trace, FindingRow finding)
    {
        if (finding.FirstFault is not { } first)
        {
            return;
        }

        string fault = first.ToString(CultureInfo.InvariantCulture);
        html.Element("code", $"tracereplay around {trace.Trace.Id} -d {directory} --fault {fault}", ("class", "command"));
        html.Element("code", $"tracereplay export -d {directory} --trace {trace.Trace.Id} --fault {fault} -o {trace.Trace.Id}.perfetto-trace", ("class", "command"));
    }

    private void Host(TraceSummary trace) => html.Text(trace.Trace.Host is { } host and not ("(none)" or "unknown") ? $" of {host}" : "");

    private int Misses()
    {
        int said = 0;
        foreach (TraceSummary trace in traces.Where(t => t.Fidelity.Any(f => f.Missed > 0)).Take(MostCaptures))
        {
            string quantities = string.Join(", ", trace.Fidelity.Where(f => f.Missed > 0).Select(f => $"{Prose.Count(f.Missed)} of {f.Quantity}"));
            html.Open("li", ("class", "bad")).Element("strong", "Misses").Text($" in {VerdictSection.Name(trace)}: {quantities}.").Close();
            said++;
        }

        return said;
    }

    private int KernelViolations(DatasetSession session)
    {
        HashSet<string> ids = [.. traces.Select(t => t.Trace.Id)];
        List<(string Trace, string Name, long Count)> broken = session.Select(
            "SELECT trace_id, invariant || ' ' || name, count(*) FROM violations WHERE model = 'kernel' AND verdict = 'violated' GROUP BY ALL ORDER BY 3 DESC, 2, 1",
            r => (r.GetString(0), r.GetString(1), r.GetInt64(2)));
        int said = 0;
        foreach (IGrouping<string, (string Trace, string Name, long Count)> invariant in broken.Where(b => ids.Contains(b.Trace)).GroupBy(b => b.Name).Take(MostCaptures))
        {
            html.Open("li", ("class", "bad")).Element("strong", $"{invariant.Key} broken by a kernel")
                .Text($": {Prose.Count(invariant.Sum(i => i.Count), "time", "times")} in {Prose.Count(invariant.Count(), "capture", "captures")}.").Close();
            said++;
        }

        return said;
    }

    // By cause, and each in its own colour: the sum of what KVM does wrong and what it must refuse would be neither.
    private int Refused()
    {
        List<TraceSummary> refusing = [.. traces.Where(t => Verdict.Ends(t, Verdict.Refused, SummaryReader.Observed) > 0)];
        if (refusing.Count == 0)
        {
            return 0;
        }

        long faults = refusing.Sum(t => Verdict.Ends(t, Verdict.Refused, SummaryReader.Observed));
        string models = string.Join(", ", Verdict.Models(traces).Select(m => $"{m} {Prose.Count(refusing.Sum(t => Verdict.Ends(t, Verdict.Refused, m)))}"));
        HashSet<string> ofRefusals = [.. Catalogue.All.Where(f => f.Needs.Contains("outcome " + Verdict.Refused)).Select(f => f.Id)];
        List<FindingRow> rows = [.. refusing.SelectMany(t => t.Findings).Where(f => ofRefusals.Contains(f.Finding) && f.Faults > 0)];
        bool isDefect = rows.Exists(IsDefect);
        html.Open("li").Element("strong", isDefect ? "Guest pages refused" : "Guest pages refused as they must be")
            .Text($": the kernel{(refusing.Count > 1 ? "s" : "")} ended {Prose.Count(faults, "fault", "faults")} with EFAULT{(traces.Count > 1 ? $", in {Prose.Count(refusing.Count, "capture", "captures")}" : "")}. On the same captures the models refuse: {models}.");
        if (rows.Count > 0)
        {
            HashSet<string> anchors = [.. Anchors(traces)];
            html.Open("ul", ("class", "causes"));
            foreach (var cause in rows.GroupBy(f => (f.Finding, f.Cause, IsDefect: IsDefect(f))).OrderByDescending(g => g.Key.IsDefect).ThenByDescending(g => g.Sum(f => f.Faults)))
            {
                Finding? known = Catalogue.All.FirstOrDefault(f => f.Id == cause.Key.Finding);
                html.Open("li", ("class", cause.Key.IsDefect ? "bad" : "warn")).Text($"{Prose.Count(cause.Sum(f => f.Faults ?? 0))}: {known?.Title} (");
                html.Element(anchors.Contains(cause.Key.Finding) ? "a" : "span", cause.Key.Finding, ("href", anchors.Contains(cause.Key.Finding) ? "#" + Anchor(cause.Key.Finding) : null));
                html.Text($"), {(known is { IsKnownDefect: true } ? "a defect of KVM that is known" : VerdictText.Doing(cause.Key.Cause))}.").Close();
            }

            long left = faults - rows.Sum(f => f.Faults ?? 0);
            if (left > 0)
            {
                html.Element("li", $"{Prose.Count(left)}: no finding of refusals names the cause; the captures below say why, as far as a model does.");
            }

            html.Close();
        }

        html.Close();
        return 1;
    }

    private int Divergences()
    {
        IReadOnlyList<DivergenceWay> ways = DivergenceWays.Different(traces);
        foreach (DivergenceWay way in ways.Take(MostWays))
        {
            Way(way, "warn", $"{Prose.Count(way.Faults, "fault ends", "faults end")} differently on {way.PageKind} pages");
            if (way.Cause is { Length: > 0 } cause)
            {
                html.Element("span", Prose.Sentence(cause), ("class", "cause"));
            }

            html.Close();
        }

        if (ways.Count > MostWays)
        {
            html.Element("li", $"{Prose.Count(ways.Count - MostWays, "more way", "more ways")} to diverge: see the captures below.");
        }

        return ways.Count;
    }

    private void Spared()
    {
        IReadOnlyList<DivergenceWay> ways = DivergenceWays.Spared(traces);
        if (ways.Count == 0)
        {
            return;
        }

        html.Element("h3", "Faults that would not have come", ("id", "spared"));
        html.Element("p", "A model has the page mapped already (SPURIOUS): there the guest would not have faulted.", ("class", "note"));
        html.Open("ul", ("class", "findings"));
        foreach (DivergenceWay way in ways.Take(MostWays))
        {
            Way(way, null, $"{way.Model} would not have had {Prose.Count(way.Faults, "fault", "faults")} on {way.PageKind} pages");
            html.Close();
        }

        if (ways.Count > MostWays)
        {
            html.Element("li", $"{Prose.Count(ways.Count - MostWays, "more sort", "more sorts")}: see the captures below.");
        }

        html.Close();
    }

    private void Way(DivergenceWay way, string? style, string title)
    {
        html.Open("li", ("class", style)).Element("strong", title);
        string kind = PageKindText.Describe(way.PageKind);
        html.Text(kind.Length > 0 ? $" ({kind})" : "");
        if (traces.Count > 1)
        {
            html.Text(" in ");
            _links.Write(way.Traces, MostCaptures);
        }

        html.Text($": {way.Says}.");
    }
}
