using System.Globalization;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>Outcomes by page kind, the kernel's beside the models'.</summary>
internal static class OutcomePart
{
    public static void Write(ChapterContext chapter)
    {
        Grid outcomes = Expected(Counted(chapter.Summary.Outcomes));
        List<string> kinds = [.. outcomes.Rows.Select(r => (string)r[0]!).Distinct()];
        new Chart
        {
            Kind = "shares",
            Title = "Outcomes by page kind",
            Says = "For each kind of page a bar for what the kernel did (observed) and one for each model; bars of one kind that differ in colour are faults that would end differently. EFAULT in all: the kernel and every model refuse these alike.",
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

    /// <summary>What the summary counted: the page kinds with most faults first, within one the kernel before the models.</summary>
    private static Grid Counted(IReadOnlyList<OutcomeCount> outcomes)
    {
        Dictionary<string, long> kinds = outcomes.GroupBy(o => o.PageKind).ToDictionary(g => g.Key, g => g.Sum(o => o.Faults));
        return new Grid(
            ["page kind", "said by", "outcome", "faults"],
            [
                .. outcomes.OrderByDescending(o => kinds[o.PageKind]).ThenBy(o => o.PageKind, StringComparer.Ordinal)
                    .ThenByDescending(o => o.Source == SummaryReader.Observed).ThenBy(o => o.Source, StringComparer.Ordinal)
                    .ThenByDescending(o => o.Faults).ThenBy(o => o.Outcome, StringComparer.Ordinal)
                    .Select(o => (object?[])[o.PageKind, o.Source, o.Outcome, o.Faults]),
            ]);
    }

    // What everybody refuses is no defect, and has not the colour of one.
    private static Grid Expected(Grid outcomes)
    {
        const string refused = "EFAULT";
        HashSet<object?> alike =
        [
            .. outcomes.Rows.GroupBy(r => r[0])
                .Where(kind => kind.Select(r => r[1]).Distinct().Count() > 1
                    && kind.GroupBy(r => r[1]).Select(source => source.Where(r => refused.Equals(r[2])).Sum(r => Convert.ToInt64(r[3], CultureInfo.InvariantCulture))).Distinct().Count() == 1)
                .Select(kind => kind.Key),
        ];
        return outcomes with { Rows = [.. outcomes.Rows.Select(r => refused.Equals(r[2]) && alike.Contains(r[0]) ? (object?[])[r[0], r[1], "EFAULT in all", r[3]] : r)] };
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
