using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>Names of captures, which lead to their chapters; one without a chapter is a name only.</summary>
internal sealed class CaptureLinks(HtmlWriter html, IReadOnlyList<TraceSummary> traces)
{
    private readonly HashSet<string> _chapters = [.. VerdictSection.WithChapter(traces).Select(t => t.Trace.Id)];

    public void Write(TraceSummary trace)
    {
        bool has = _chapters.Contains(trace.Trace.Id);
        html.Element(has ? "a" : "span", VerdictSection.Name(trace), ("href", has ? "#" + VerdictSection.Anchor(trace) : null));
    }

    /// <summary>The first ones by name, those with a chapter before the others, and how many more there are.</summary>
    public void Write(IReadOnlyList<TraceSummary> some, int most)
    {
        List<TraceSummary> named = [.. some.OrderByDescending(t => _chapters.Contains(t.Trace.Id)).Take(most)];
        for (int i = 0; i < named.Count; i++)
        {
            html.Text(i == 0 ? "" : i == named.Count - 1 && some.Count <= most ? " and " : ", ");
            Write(named[i]);
        }

        if (some.Count > most)
        {
            html.Text($" and {Prose.Count(some.Count - most)} ").Element("a", "more", ("href", "#captures"));
        }
    }
}
