using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>How a verdict is to be taken.</summary>
internal enum Tone
{
    /// <summary>All that was compared agrees.</summary>
    Good,

    /// <summary>Every disagreement is explained by a recorded fact, or part of the evidence is missing.</summary>
    Doubtful,

    /// <summary>The model is wrong somewhere: nothing else on the page is worth more than that.</summary>
    Bad,

    /// <summary>There was nothing to compare.</summary>
    Unknown,
}

/// <summary>What a report says first of a trace, in plain words.</summary>
internal sealed record Verdict(Tone Tone, string Word, string Sentence, long Compared, long Matched)
{
    public static Verdict Of(TraceSummary summary)
    {
        List<FidelityLine> outcomes = [.. summary.Fidelity.Where(f => f.Quantity == "outcome")];
        (long compared, long matched) = (outcomes.Sum(f => f.Compared), outcomes.Sum(f => f.Matched));
        long unexplained = summary.Fidelity.Sum(f => f.Unexplained);
        long explained = summary.Fidelity.Sum(f => f.Explained);
        if (summary.Faults == 0)
        {
            return new Verdict(Tone.Unknown, "no faults", "This capture shows no KVM page fault, so nothing can be said of the models.", 0, 0);
        }

        if (compared == 0)
        {
            return new Verdict(Tone.Unknown, "not checked", $"The models could not be checked: no model corresponds to {Kernel(summary)}, or how its {Prose.Count(summary.Faults, "fault", "faults")} ended was not recorded.", 0, 0);
        }

        string who = string.Join(" and ", outcomes.Select(f => $"{f.Model}{(f.Setting is null ? "" : $" ({f.Setting})")}").Distinct());
        string sentence = $"The model {who} did what {Kernel(summary)} did in {Prose.Count(matched)} of {Prose.Count(compared, "fault", "faults")} ({Prose.Percent(matched, compared)}).";
        long left = summary.Faults - compared;
        if (left > 0)
        {
            sentence += $" {Prose.Count(left, "fault is", "faults are")} not compared: the capture does not show what that needs.";
        }

        return unexplained > 0
            ? new Verdict(Tone.Bad, "does not agree", $"{sentence} {Prose.Count(unexplained, "miss has", "misses have")} no explanation, so the model's other answers are in doubt.", compared, matched)
            : explained > 0
                ? new Verdict(Tone.Doubtful, "explained misses", $"{sentence} A recorded fact explains {(explained == 1 ? "the miss" : $"each of the {Prose.Count(explained)} misses")}.", compared, matched)
                : left > 0 || summary.Trace.Lost is not 0 || !summary.Trace.Complete
                    ? new Verdict(Tone.Doubtful, "agrees, in part", sentence, compared, matched)
                    : new Verdict(Tone.Good, "agrees", sentence, compared, matched);
    }

    /// <summary>Faults that end in an outcome, as counted by the source: the kernel, or a model whatever its setting.</summary>
    public static long Ends(TraceSummary summary, string outcome, string source) =>
        summary.Outcomes.Where(o => o.Outcome == outcome && o.Source.Split(' ')[0] == source).Sum(o => o.Faults);

    public static string Kernel(TraceSummary summary) => summary.Trace.Kernel is { } release ? $"this {Release(release)} kernel" : "this kernel of unknown version";

    /// <summary>The models whose answers the trace has, in the registry's order.</summary>
    public static IReadOnlyList<string> Models(IEnumerable<TraceSummary> traces) =>
        [.. traces.SelectMany(t => t.Outcomes).Select(o => o.Source.Split(' ')[0]).Where(s => s != SummaryReader.Observed).Distinct().OrderBy(ModelOrder.Rank)];

    // 6.12.95+deb12-amd64: what a distribution adds tells a reader nothing.
    private static string Release(string release) => release.Split('+', '-')[0];
}
