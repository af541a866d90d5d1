using System.Globalization;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>What a trace is, and what stands behind it.</summary>
internal static class ProvenancePart
{
    public static void Captured(ChapterContext chapter)
    {
        CapturedTrace trace = chapter.Summary.Trace;
        TraceClock clock = chapter.Clock;
        chapter.Html.Open("dl", ("class", "facts"));
        Fact("kernel", $"Linux {trace.Kernel ?? "of unknown version"} {trace.Arch}".TrimEnd());
        Fact("CPUs", trace.Cpus is { } cpus ? Prose.Count(cpus) : "unknown");
        Fact("span", ((clock.End - clock.Start) / clock.PerAxisUnit).ToString("0.000", CultureInfo.InvariantCulture) + $" {clock.AxisUnit} (clock {trace.Clock ?? "not recorded"})");
        Fact("events", Prose.Count(trace.Events));
        Fact("faults", Prose.Count(chapter.Summary.Faults));
        Fact("records lost", trace.Lost switch { null => "yes, the kernel did not say how many", 0 => "none", long lost => Prose.Count(lost) });
        if (!trace.Complete)
        {
            Fact("damaged", "only what was complete before the damage is here");
        }

        chapter.Html.Close();
        if (chapter.Summary.Faults == 0)
        {
            chapter.Nothing("No KVM fault is in it, so there is nothing to replay.");
        }

        Lost(chapter);

        void Fact(string name, string value) => chapter.Html.Open("div").Element("dt", name).Element("dd", value).Close();
    }

    public static void Write(ChapterContext chapter)
    {
        Grid trace = Grid.Select(
            chapter.Session,
            "SELECT path, trace_id, sha256, format, host, date::VARCHAR AS date, list_aggregate(warnings, 'string_agg', '; ') AS warnings FROM traces WHERE trace_id = $id",
            ("id", chapter.Id));
        chapter.Html.Open("dl", ("class", "provenance"));
        foreach ((string name, object? value) in trace.Columns.Zip(trace.Rows[0]))
        {
            if (name != "warnings" || value is string { Length: > 0 })
            {
                chapter.Html.Element("dt", name).Element("dd", Grid.Show(value));
            }
        }

        chapter.Html.Close();
        Folded(chapter, "Events recorded", chapter.Read("events"));
        Folded(chapter, "Probes and the functions they sit on", chapter.Read("probes"));
    }

    private static void Lost(ChapterContext chapter)
    {
        Grid lost = chapter.Read("lost");
        if (lost.Rows.Count > 0)
        {
            chapter.Say("Records were lost at these places; a fault near one may be misread.");
            HtmlTable.Write(chapter.Html, lost);
        }
    }

    private static void Folded(ChapterContext chapter, string title, Grid grid)
    {
        if (grid.Rows.Count > 0)
        {
            chapter.Html.Open("details").Element("summary", $"{title} ({Prose.Count(grid.Rows.Count)})");
            HtmlTable.Write(chapter.Html, grid);
            chapter.Html.Close();
        }
    }
}
