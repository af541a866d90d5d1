using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>What the parts of a chapter have in common.</summary>
internal sealed record ChapterContext(HtmlWriter Html, DatasetSession Session, TraceSummary Summary)
{
    public string Id => Summary.Trace.Id;

    public TraceClock Clock { get; } = TraceClock.Of(Summary.Trace);

    public Grid Read(string query, params ReadOnlySpan<(string Name, object Value)> more) => Grid.Read(Session, query, [("id", Id), .. more]);

    /// <summary>A part under its own heading.</summary>
    public void Part(string anchor, string title, Action write)
    {
        Html.Open("section", ("class", "part"), ("id", $"{anchor}-{Id}")).Element("h3", title);
        write();
        Html.Close();
    }

    public void Say(string sentence, string? style = null) => Html.Element("p", sentence, ("class", style));

    /// <summary>An empty state is said in words.</summary>
    public void Nothing(string why) => Html.Element("p", why, ("class", "nothing"));
}

/// <summary>Everything about one trace.</summary>
internal static class TraceChapter
{
    private static readonly (string Anchor, string Title, Action<ChapterContext> Write)[] s_parts =
    [
        ("fidelity", "Fidelity", FidelityPart.Write),
        ("outcomes", "How the faults ended", OutcomePart.Write),
        ("divergences", "Where the models diverge", DivergencePart.Write),
        ("invariants", "Invariants", FidelityPart.Invariants),
        ("windows", "Invalidation windows and faults in time", WindowPart.Write),
        ("latency", "How long faults took", LatencyPart.Write),
        ("cost", "Cost of the hot path", CostPart.Write),
        ("known", "What is known, inferred and assumed", AssumptionPart.Write),
    ];

    /// <summary>Anchor, before the trace's id, and title of each part of a trace with faults.</summary>
    public static IEnumerable<(string Anchor, string Title)> Parts => s_parts.Select(part => (part.Anchor, part.Title));

    public static void Write(HtmlWriter html, string dataset, TraceSummary summary, CancellationToken stop)
    {
        // Its many questions are about one trace: the files of all others stay shut.
        using DatasetSession session = DatasetSession.OpenTrace(dataset, summary.Trace.Id, stop) ?? DatasetSession.Open(dataset, stop);
        var chapter = new ChapterContext(html, session, summary);
        Verdict verdict = Verdict.Of(summary);
        html.Open("section", ("class", "chapter"), ("id", VerdictSection.Anchor(summary)));
        html.Open("h2").Text(VerdictSection.Name(summary) + " ");
        VerdictSection.Badge(html, verdict.Tone, verdict.Word);
        html.Close();
        html.Element("p", VerdictText.Of(summary), ("class", "verdict"));
        html.Element("p", verdict.Sentence, ("class", "note"));
        chapter.Part("captured", "What was captured", () => ProvenancePart.Captured(chapter));
        if (summary.Faults > 0)
        {
            foreach ((string anchor, string title, Action<ChapterContext> write) in s_parts)
            {
                chapter.Part(anchor, title, () => write(chapter));
            }
        }

        chapter.Part("source", "Where this comes from", () => ProvenancePart.Write(chapter));
        html.Close();
    }
}
