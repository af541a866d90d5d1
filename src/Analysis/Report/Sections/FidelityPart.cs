using TraceReplay.Analysis.Report.Html;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>What the other numbers are worth: the comparison with the kernel, and the invariants.</summary>
internal static class FidelityPart
{
    public static void Write(ChapterContext chapter)
    {
        Grid fidelity = chapter.Read("fidelity");
        if (fidelity.Rows.Count == 0)
        {
            chapter.Nothing("Nothing could be compared: no model corresponds to the captured kernel, or what it did was not recorded.");
            return;
        }

        chapter.Say("The model of the captured kernel against what that kernel did, quantity by quantity. Agreement is of what is decided: matched or missed. Coverage is decided or in a set, of all there was to compare.");
        HtmlTable.Write(chapter.Html, fidelity);
        Grid misses = chapter.Read("fidelity_misses");
        if (misses.Rows.Count == 0)
        {
            chapter.Nothing(fidelity.Rows.Any(r => r[fidelity.Column("coverage")] is not "0 %") ? "No miss." : "Nothing could be compared, so there is no miss.");
            return;
        }

        chapter.Say("The misses by sort, those behind lost records last; the view fidelity_misses has each of them.");
        HtmlTable.Write(chapter.Html, misses.WithoutEmptyColumns(), missing: "");
    }

    public static void Invariants(ChapterContext chapter)
    {
        object?[] counts = chapter.Read("invariants_checked").Rows[0];
        if (counts[0] is 0L)
        {
            chapter.Nothing("No invariant was checked.");
            return;
        }

        chapter.Say($"{Grid.Show(counts[3])} of {Grid.Show(counts[4])} invariants came up in this capture and were checked {Grid.Show(counts[2])} times, on the kernel's own records and in each model.");
        Grid broken = chapter.Read("invariants");
        if (broken.Rows.Count == 0)
        {
            chapter.Nothing("Every one of them held every time.");
            return;
        }

        chapter.Say("These did not hold every time. Violated: it happened in this capture. Violable: nothing would have prevented it. What is said of a model is about that model's design, not about the captured kernel.");
        HtmlTable.Write(chapter.Html, broken);
    }
}
