using TraceReplay.Analysis.Report.Html;
using TraceReplay.Replay.Cost;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>Hot-path cost: operations counted, models measured, the kernel's own times.</summary>
internal static class CostPart
{
    private static readonly string s_counts = Resource.Text("Report.cost_counts.sql").Replace(
        "{means}", string.Join(", ", CostOperations.Names.Select(name => $"'{name}': avg({name})")), StringComparison.Ordinal);

    public static void Write(ChapterContext chapter)
    {
        Grid counts = Grid.Select(chapter.Session, s_counts, ("id", chapter.Id));
        Grid measured = chapter.Read("cost_measured");
        Grid traced = chapter.Read("cost_traced");
        if (counts.Rows.Count + measured.Rows.Count + traced.Rows.Count == 0)
        {
            chapter.Nothing($"Not counted yet: `tracereplay cost -d DATASET --trace {chapter.Id}` fills this part.");
            return;
        }

        if (counts.Rows.Count > 0)
        {
            new Chart
            {
                Kind = "stack",
                Title = "Operations per fault, counted",
                Says = "For the paths with most faults and each model: how many operations of each family one fault needs on average. Counted exactly by the models; what an operation costs in time is not in it.",
                Data = counts,
                Options = new Dictionary<string, object?> { ["unit"] = "operations per fault" },
            }.Write(chapter.Html);
        }

        Measured(chapter, measured);
        if (traced.Rows.Count > 0)
        {
            chapter.Html.Element("h4", "What the kernel took, by its own trace");
            chapter.Say("Times on the trace's clock, the cost of tracing and of its probes included.", "note");
            HtmlTable.Write(chapter.Html, traced, missing: "–");
        }
    }

    private static void Measured(ChapterContext chapter, Grid measured)
    {
        if (measured.Rows.Count == 0)
        {
            chapter.Nothing("The models' own hot paths were not measured (`tracereplay cost -d DATASET` does).");
            return;
        }

        List<object?[]> ratios = [.. measured.Rows.Where(r => r[5] is not null && r[6] is not null && r[7] is not null).Select(r => (object?[])[$"{r[0]}  {r[1]}", r[5], r[6], r[7]])];
        if (ratios.Count == 0)
        {
            HtmlTable.Write(chapter.Html, measured, missing: "–");
            return;
        }

        new Chart
        {
            Kind = "intervals",
            Title = "Time of the models' hot paths, measured",
            Says = "Time of each model over the same events as a ratio to the model current, with its 95 % interval; an interval that holds 1 shows no difference. \u2018current (again)\u2019 is the same model a second time: it shows the noise.",
            Data = new Grid(["path and model", "ratio", "from", "to"], ratios),
            Table = measured,
            Options = new Dictionary<string, object?> { ["unit"] = "time, as a ratio to current", ["reference"] = 1 },
        }.Write(chapter.Html);
    }
}
