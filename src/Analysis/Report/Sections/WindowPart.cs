using TraceReplay.Analysis.Knowledge;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>Faults and the notifier's invalidation windows on one map of time and host address.</summary>
internal static class WindowPart
{
    /// <summary>Rows at which windows_in_time.sql ends.</summary>
    private const int WindowsDrawn = 300;

    public static void Write(ChapterContext chapter)
    {
        Grid windows = chapter.Read("windows", ("unit", chapter.Clock.PerShortUnit));
        if (windows.Rows.Count == 0)
        {
            chapter.Nothing("The capture shows no invalidation window. Either none was opened, or nothing that tells of one was recorded (`tracereplay info CAPTURE` says which).");
        }
        else
        {
            chapter.Say($"Windows by what opened them. Times are in {chapter.Clock.ShortUnit}; a fault met a window if the window's addresses hold the fault's and both were open at once.");
            HtmlTable.Write(chapter.Html, windows, "not recorded");
            if (MachineWords.MachineOf(chapter.Summary.Trace) == Machine.Arm64)
            {
                chapter.Say("Which leaves a window took no arm64 kernel records. Any window of the VM makes a fault retry, also one over other addresses.", "note");
            }
        }

        TraceClock clock = chapter.Clock;
        Grid.Read(chapter.Session, "address_map", ("id", chapter.Id));
        Grid faults = chapter.Read("faults_in_time", ("start", clock.Start), ("unit", clock.PerAxisUnit));
        if (faults.Rows.Count == 0)
        {
            chapter.Nothing("No fault has both a time and a host address, so there is no map of them.");
            return;
        }

        Grid drawn = Grid.Read(chapter.Session, "windows_in_time", ("id", chapter.Id), ("start", clock.Start), ("end", clock.End), ("unit", clock.PerAxisUnit));
        long placed = faults.Rows.Sum(r => (long)r[3]!);
        long left = chapter.Summary.Faults - placed;
        string cells = faults.Rows.Count < placed ? " Faults close together share a point; a larger point holds more." : "";
        string without = left > 0 ? $" {Prose.Count(left, "fault is", "faults are")} not on it, for want of a host address (no memslot) or of room." : "";
        string bands = drawn.Rows.Count == 0
            ? " No window covers an address that faults."
            : $" A shaded band is a window: the addresses it covers, while it is open{(drawn.Rows.Count == WindowsDrawn ? $"; only the {WindowsDrawn} with most guest pages are drawn" : "")}.";
        new Chart
        {
            Kind = "map",
            Title = "Faults and windows",
            Says = $"{Prose.Count(placed, "fault", "faults")} by time and host address, coloured by outcome.{bands}{cells}{without}",
            Data = faults,
            Table = ByOutcome(faults),
            Options = new Dictionary<string, object?>
            {
                ["windows"] = drawn.Rows,
                ["xUnit"] = clock.AxisUnit,
                ["xMax"] = Math.Max((clock.End - clock.Start) / clock.PerAxisUnit, 1e-9),
            },
        }.Write(chapter.Html);
    }

    private static Grid ByOutcome(Grid faults) => new(
        ["outcome", "faults on the map", "first", "last"],
        [.. faults.Rows.GroupBy(r => (string)r[0]!).Select(g => new object?[] { g.Key, g.Sum(r => (long)r[3]!), g.Min(r => (double)r[1]!), g.Max(r => (double)r[1]!) })]);
}
