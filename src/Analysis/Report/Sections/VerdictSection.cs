using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>The top of the page: the verdict in words, what was found, and all traces side by side.</summary>
internal static class VerdictSection
{
    public static void Write(HtmlWriter html, DatasetSession session, IReadOnlyList<TraceSummary> traces, ReportOrigin origin)
    {
        List<Verdict> verdicts = [.. traces.Select(Verdict.Of)];
        html.Open("header");
        html.Element("p", "TraceReplay: what the captures show, and what the models say of it", ("class", "kicker"));
        html.Element("h1", traces.Count == 1 ? Name(traces[0]) : Prose.Count(traces.Count, "capture", "captures"));
        Lead(html, traces, verdicts);
        html.Open("p", ("class", "note")).Text($"Made by {DatasetFormat.Program.Split('+')[0]}: ").Element("code", origin.Command, ("class", "command"));
        if (traces is [{ Trace.Sha256: { } sha }])
        {
            html.Text("SHA-256 of the capture: ").Element("code", sha, ("class", "command"));
        }

        html.Close();
        html.Close();
        Contents(html, traces);
        new FoundSection(html, traces, origin.Directory).Write(session);
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
        if (traces.Count == 1)
        {
            html.Element("p", VerdictText.Of(traces[0]), ("class", "verdict"));
        }
        else
        {
            OverallVerdict.Write(html, traces);
        }

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
        if (DivergenceWays.Spared(traces).Count > 0)
        {
            html.Element("a", "Faults that would not have come", ("href", "#spared"));
        }

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

    private static Chart? Refusals(IReadOnlyList<TraceSummary> traces)
    {
        string[] sources = [SummaryReader.Observed, .. Verdict.Models(traces)];
        List<object?[]> rows = [.. traces
            .Where(t => sources.Any(s => Verdict.Ends(t, Verdict.Refused, s) > 0)).Take(24)
            .Select(t => (object?[])[Name(t), .. sources.Select(s => (object?)Verdict.Ends(t, Verdict.Refused, s))])];
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
        html.Open("div", ("class", "scroll wide"), ("tabindex", "0")).Open("table").Open("thead").Open("tr");
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
            html.Element("td", Prose.Count(Verdict.Ends(trace, Verdict.Refused, SummaryReader.Observed)), ("class", "number"));
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
