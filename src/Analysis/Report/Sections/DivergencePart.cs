using System.Globalization;
using TraceReplay.Analysis.Report.Around;
using TraceReplay.Analysis.Report.Html;
using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>Faults that two models end differently, and the events around one of each sort.</summary>
internal static class DivergencePart
{
    private const int Examples = 3;
    private const int Neighbours = 14;
    private const int MostEvents = 60;
    private const int Lanes = 6;
    private const int MostSteps = 30;

    public static void Write(ChapterContext chapter)
    {
        Grid ways = chapter.Read("divergences");
        if (ways.Rows.Count == 0)
        {
            chapter.Nothing("Nowhere: all models end every fault the same way.");
            return;
        }

        HtmlTable.Write(chapter.Html, ways);
        List<Example> examples = [.. chapter.Read("divergence_examples").Rows.Select(Example.Of)];
        List<Example> shown = [.. examples.DistinctBy(e => e.FaultId).Take(Examples)];
        IReadOnlyList<RecordedEvent> events = EventsAround.Read(chapter.Session, chapter.Id, [.. shown.Select(Place)], Examples * MostEvents);
        Dictionary<string, string> functions = chapter.Session.Select(
            "SELECT event, any_value(function) FROM probe_sites WHERE trace_id = $id AND function IS NOT NULL GROUP BY event",
            r => (Event: r.GetString(0), Function: r.GetString(1)),
            ("id", chapter.Id)).ToDictionary(p => p.Event, p => p.Function);
        foreach (Example example in shown)
        {
            One(chapter, example, events, functions);
        }

        if (examples.Count > shown.Count)
        {
            chapter.Say($"{Prose.Count(examples.Count - shown.Count, "more way to diverge has", "more ways to diverge have")} no example here.", "note");
        }
    }

    private static (long From, long To) Place(Example example) =>
        (Math.Max(0, example.Seq - Neighbours), Math.Min(example.EndSeq, example.Seq + MostEvents - (2 * Neighbours)) + Neighbours);

    private static void One(ChapterContext chapter, Example example, IReadOnlyList<RecordedEvent> all, Dictionary<string, string> functions)
    {
        (long from, long to) = Place(example);
        List<RecordedEvent> events = [.. all.Where(e => e.Seq >= from && e.Seq <= to)];
        chapter.Html.Open("div", ("class", "example"));
        chapter.Html.Element("h4", $"Fault {Prose.Count(example.FaultId)}, one of {Prose.Count(example.Faults)} that diverge like it");
        chapter.Say(example.Says);
        if (example.Cause is { Length: > 0 } cause)
        {
            chapter.Say(Prose.Sentence(cause), "cause");
        }

        if (events.Count == 0)
        {
            chapter.Nothing("The dataset holds no events around it.");
        }
        else
        {
            Timeline(chapter, example, events, functions).Write(chapter.Html);
            NameSteps(chapter, example, events, functions);
        }

        chapter.Html.Close();
    }

    /// <summary>The number that stands beside each event that has to do with the fault, in the picture and in the list below it.</summary>
    private static Dictionary<long, int> Steps(Example example, List<RecordedEvent> events, Func<RecordedEvent, EventRole> role) => events
        .Where(e => e.Seq >= example.Seq && e.Seq <= example.EndSeq && (role(e) == EventRole.Step || (e.Pid == example.Pid && role(e) != EventRole.Other)))
        .OrderBy(e => e.Seq).Take(MostSteps)
        .Select((e, i) => (e.Seq, Number: i + 1)).ToDictionary(s => s.Seq, s => s.Number);

    // A picture on paper or on a phone has no room for names, and nothing to hover over.
    private static void NameSteps(ChapterContext chapter, Example example, List<RecordedEvent> events, Dictionary<string, string> functions)
    {
        Dictionary<long, int> steps = Steps(example, events, e => example.Role(e, functions.GetValueOrDefault(e.Name)));
        if (steps.Count == 0)
        {
            return;
        }

        chapter.Html.Open("ol", ("class", "steps"));
        foreach (RecordedEvent e in events.Where(e => steps.ContainsKey(e.Seq)).OrderBy(e => e.Seq))
        {
            string at = ((e.Ts - example.Ts) / chapter.Clock.PerShortUnit).ToString(chapter.Clock.IsNanoseconds ? "+0.0;-0.0;0" : "+#,0;-#,0;0", CultureInfo.InvariantCulture);
            chapter.Html.Open("li").Element("code", e.Name).Text($" {at} {chapter.Clock.ShortUnit}").Close();
        }

        chapter.Html.Close();
    }

    private static Chart Timeline(ChapterContext chapter, Example example, List<RecordedEvent> events, Dictionary<string, string> functions)
    {
        (double unit, string unitName) = (chapter.Clock.PerShortUnit, chapter.Clock.ShortUnit);
        double At(long ts) => (ts - example.Ts) / unit;
        List<string> tasks = [.. events.GroupBy(e => e.Task).OrderByDescending(g => g.Any(e => e.Pid == example.Pid)).ThenByDescending(g => g.Count()).Select(g => g.Key)];
        List<string> lanes = tasks.Count <= Lanes ? tasks : [.. tasks.Take(Lanes - 1), "other tasks"];
        string Lane(RecordedEvent e) => lanes.Contains(e.Task) ? e.Task : "other tasks";
        EventRole Role(RecordedEvent e) => example.Role(e, functions.GetValueOrDefault(e.Name));
        List<object?[]> windows = chapter.Session.Select(
            "SELECT start_ns, coalesce(end_ns, $end), coalesce(cause, 'cause unknown') FROM windows WHERE trace_id = $id AND start_seq <= $to AND coalesce(end_seq, $to) >= $from LIMIT 20",
            r => new object?[] { At(r.GetInt64(0)), At(r.GetInt64(1)), r.GetString(2) },
            ("id", chapter.Id),
            ("end", chapter.Clock.End),
            ("from", events[0].Seq),
            ("to", events[^1].Seq));
        Dictionary<long, int> steps = Steps(example, events, Role);
        string met = windows.Count == 0 ? "no invalidation window is open near it" : $"{Prose.Count(windows.Count, "invalidation window is", "invalidation windows are")} open near it (shaded)";
        return new Chart
        {
            Kind = "events",
            Title = "The events around it",
            Says = $"{Prose.Count(events.Count, "event", "events")} before, in and after the fault, by thread; 0 is the fault{(example.Latency is null ? ", its end is not known" : ", the grey band lasts to its end")}; {met}.",
            Data = new Grid(
                ["at", "lane", "event", "what", "seq", "step"],
                [.. events.Select(e => new object?[] { At(e.Ts), Lane(e), e.Name, RoleName(Role(e), chapter), e.Seq, steps.TryGetValue(e.Seq, out int step) ? step : null })]),
            Table = new Grid(
                [$"at ({unitName})", "seq", "CPU", "task", "event", "what it is", "fields"],
                [.. events.Select(e => new object?[] { At(e.Ts).ToString(chapter.Clock.IsNanoseconds ? "0.000" : "0", CultureInfo.InvariantCulture), e.Seq, e.Cpu, e.Task, e.Name, e.Seq == example.Seq ? "the fault" : RoleName(Role(e), chapter), e.Fields })]),
            Options = new Dictionary<string, object?>
            {
                ["lanes"] = lanes,
                ["unit"] = unitName,
                ["end"] = example.Latency / unit,
                ["windows"] = windows,
            },
        };
    }

    private static string RoleName(EventRole role, ChapterContext chapter) => role switch
    {
        EventRole.Step => "step of the fault",
        EventRole.Leaf => MachineWords.Of(chapter.Summary.Trace).Leaf + " change",
        EventRole.Invalidation => "invalidation",
        _ => "other",
    };
}
