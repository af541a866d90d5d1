using TraceReplay.Analysis.Report.Html;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>What the answers rest on.</summary>
internal static class AssumptionPart
{
    public static void Write(ChapterContext chapter)
    {
        Grid certainty = chapter.Read("certainty");
        if (certainty.Rows.Count > 0)
        {
            chapter.Say($"Of the models' answers, by what they rest on: {string.Join(", ", certainty.Rows.Select(r => $"{Grid.Show(r[1])} {r[0]}"))}.");
        }

        Grid assumptions = chapter.Read("assumptions");
        if (assumptions.Rows.Count == 0)
        {
            chapter.Nothing("The replay left no record of its assumptions.");
            return;
        }

        HtmlTable.Write(chapter.Html, assumptions.WithoutEmptyColumns(), missing: "–");
        chapter.Say("`tracereplay info CAPTURE` names the probe or event that turns an assumption into knowledge.", "note");
    }
}
