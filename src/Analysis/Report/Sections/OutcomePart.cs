using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>Outcomes by page kind, the kernel's beside the models'.</summary>
internal static class OutcomePart
{
    public static void Write(ChapterContext chapter)
    {
        Grid outcomes = chapter.Read("outcomes");
        List<string> kinds = [.. outcomes.Rows.Select(r => (string)r[0]!).Distinct()];
        new Chart
        {
            Kind = "shares",
            Title = "Outcomes by page kind",
            Says = "For each kind of page a bar for what the kernel did (observed) and one for each model; bars of one kind that differ in colour are faults that would end differently.",
            Data = outcomes,
        }.Write(chapter.Html);
        Legend(chapter, [.. kinds.Select(k => (k, PageKindText.Describe(k))), .. OutcomeText.Explained(outcomes.Rows.SelectMany(r => r.OfType<string>()))]);
        Grid causes = chapter.Read("efault_causes");
        if (causes.Rows.Count > 0)
        {
            chapter.Html.Element("h4", "Why pages are refused");
            HtmlTable.Write(chapter.Html, causes);
        }
    }

    private static void Legend(ChapterContext chapter, List<(string Key, string Text)> terms)
    {
        List<(string Key, string Text)> known = terms.FindAll(term => term.Text.Length > 0);
        if (known.Count == 0)
        {
            return;
        }

        chapter.Html.Open("dl", ("class", "legend"));
        foreach ((string key, string text) in known)
        {
            chapter.Html.Element("dt", key).Element("dd", text);
        }

        chapter.Html.Close();
    }
}
