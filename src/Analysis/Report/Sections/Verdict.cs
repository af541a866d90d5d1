using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Report.Sections;

/// <summary>How a verdict is to be taken.</summary>
internal enum Tone
{
    /// <summary>All that was compared agrees.</summary>
    Good,

    /// <summary>Every disagreement comes after a recorded loss, or part of the evidence is missing.</summary>
    Doubtful,

    /// <summary>The model is wrong somewhere: nothing else on the page is worth more than that.</summary>
    Bad,

    /// <summary>There was nothing to compare.</summary>
    Unknown,
}

/// <summary>What a report says first of a trace, in plain words.</summary>
/// <param name="Outcomes">Where its predicted outcomes stand, over all faults; null if nothing was predicted for its kernel.</param>
internal sealed record Verdict(Tone Tone, string Word, string Sentence, FidelityLine? Outcomes)
{
    /// <summary>The outcome of a fault that KVM refuses.</summary>
    public const string Refused = "EFAULT";

    public static Verdict Of(TraceSummary summary)
    {
        if (summary.Faults == 0)
        {
            return new Verdict(Tone.Unknown, "no faults", "This capture shows no KVM page fault, so nothing can be said of the models.", null);
        }

        FidelityLine? outcomes = summary.Fidelity.FirstOrDefault(f => f.Quantity == FidelityLine.Outcome);
        if (outcomes is null)
        {
            return new Verdict(Tone.Unknown, "not checked", $"The models could not be checked: no model of {Kernel(summary)} was replayed.", null);
        }

        if (outcomes.Covered == 0)
        {
            return new Verdict(Tone.Unknown, "not checked", $"The models could not be checked: of {Prose.Count(outcomes.Total, "fault", "faults")} {string.Join(", ", FidelityText.Gaps(outcomes))}.", outcomes);
        }

        string sentence = $"The model {outcomes.Model}{(outcomes.Setting is null ? "" : $" ({outcomes.Setting})")} {Agreement(outcomes, Kernel(summary))}";
        long missed = summary.Fidelity.Sum(f => f.Missed);
        long lost = summary.Fidelity.Sum(f => f.Lost);
        return missed > 0
            ? new Verdict(Tone.Bad, "does not agree", $"{sentence} {Prose.Count(missed, "miss is", "misses are")} not accounted for, so the model's other answers are in doubt.", outcomes)
            : lost > 0
                ? new Verdict(Tone.Doubtful, "misses behind lost records", $"{sentence} {Prose.Count(lost, "miss comes", "misses come")} after records that the kernel lost.", outcomes)
                : outcomes.Covered < outcomes.Total || summary.Trace.Lost is not 0 || !summary.Trace.Complete
                    ? new Verdict(Tone.Doubtful, "agrees, in part", sentence, outcomes)
                    : new Verdict(Tone.Good, "agrees", sentence, outcomes);
    }

    /// <summary>How far predictions and a kernel agree, and how much of the faults that covers; two sentences.</summary>
    public static string Agreement(FidelityLine outcomes, string kernel)
    {
        string decided = outcomes.Decided == 0
            ? $"decides no fault as {kernel} shows it"
            : $"did what {kernel} did in {Prose.Count(outcomes.Matched)} of {Prose.Count(outcomes.Decided, "fault", "faults")} that it decides ({Prose.Percent(outcomes.Matched, outcomes.Decided)})";
        string sets = outcomes.InSet == 0 ? "" : $"; in {Prose.Count(outcomes.InSet)} the records allow several orders, and the kernel's outcome is one of those that follow";
        string gaps = string.Join(", ", FidelityText.Gaps(outcomes));
        return $"{decided}{sets}. This covers {Prose.Percent(outcomes.Covered, outcomes.Total)} of {Prose.Count(outcomes.Total, "fault", "faults")}{(gaps.Length > 0 ? ": " + gaps : "")}.";
    }

    /// <summary>Faults that end in an outcome, as counted by the source: the kernel, or a model whatever its setting.</summary>
    public static long Ends(TraceSummary summary, string outcome, string source) =>
        summary.Outcomes.Where(o => o.Outcome == outcome && o.Source.Split(' ')[0] == source).Sum(o => o.Faults);

    public static string Kernel(TraceSummary summary) => summary.Trace.Kernel is { } release ? $"this {Prose.Release(release)} kernel" : "this kernel of unknown version";

    /// <summary>The models whose answers the trace has, in the registry's order.</summary>
    public static IReadOnlyList<string> Models(IEnumerable<TraceSummary> traces) =>
        [.. traces.SelectMany(t => t.Outcomes).Select(o => o.Source.Split(' ')[0]).Where(s => s != SummaryReader.Observed).Distinct().OrderBy(ModelOrder.Rank)];
}
