using TraceReplay.Analysis.Findings;

namespace TraceReplay.Analysis.Summary;

/// <summary>
/// The verdict on one trace as a paragraph that can be quoted: did the kernel do what its own logic says, how its faults ended and why, what
/// the other models would change for this guest, and what all that rests on.
/// </summary>
public static class VerdictText
{
    private const string Unknown = "UNKNOWN";
    private const string Spurious = "SPURIOUS";

    /// <summary>The paragraph.</summary>
    public static string Of(TraceSummary summary)
    {
        if (summary.Faults == 0)
        {
            // Rows that could not be read may be the very ones that are asked for.
            if (summary.Unread.Count > 0)
            {
                return $"Nothing can be judged, for {summary.Unread[0]}. Record with trace-cmd or perf, whose files keep the fields; tracereplay info says what.";
            }

            return "Nothing can be judged: the capture shows no KVM fault. Record kvm:kvm_page_fault (x86) or kvm:kvm_guest_fault (arm64); tracereplay info says what else.";
        }

        FidelityLine? outcomes = summary.Fidelity.FirstOrDefault(f => f.Quantity == FidelityLine.Outcome);

        // What the records show by themselves is the answer where no model can give one.
        bool isJudged = outcomes is { Covered: > 0 };
        List<string> sentences = isJudged || !Found(summary).Any()
            ? [Judged(summary, outcomes), Ends(summary), .. Found(summary)]
            : [.. Found(summary), Ends(summary), Judged(summary, outcomes)];
        if (isJudged)
        {
            sentences.Add(Records(summary));
            sentences.Add(Others(summary, outcomes!.Model));
            sentences.Add(Basis(outcomes));
            sentences.Add(Inferred(summary));
        }

        sentences.Add(Record(summary, isJudged));

        return string.Join(' ', sentences.Where(s => s.Length > 0));
    }

    private static string Judged(TraceSummary summary, FidelityLine? outcomes)
    {
        string kernel = summary.Trace.Kernel is { } release ? $"Linux {Prose.Release(release)}" : "The kernel";
        if (outcomes is null or { Covered: 0 })
        {
            return $"{(Found(summary).Any() ? "No model can judge" : "Nothing can be judged of")} {Prose.Count(summary.Faults, "fault", "faults")}: {string.Join("; ", WhyNot(summary, outcomes))}.";
        }

        string of = outcomes.Decided == outcomes.Total ? Prose.Count(outcomes.Decided, "fault", "faults") : $"the {Prose.Count(outcomes.Decided)} faults that can be decided";
        string logic = $"what its own logic says ({outcomes.Name})";
        string lost = outcomes.Lost == 0 ? "" : $"; {Prose.Count(outcomes.Lost)} more differ behind records that were lost";
        return outcomes.Missed == 0
            ? $"{kernel} did {logic} in all{(outcomes.Decided == outcomes.Total ? "" : " of")} {of}{lost}."
            : $"{kernel} did not do {logic} in {Prose.Count(outcomes.Missed)} of {of}, for which no cause is known: view fidelity_misses has them{lost}.";
    }

    private static IEnumerable<string> WhyNot(TraceSummary summary, FidelityLine? outcomes)
    {
        if (outcomes is null)
        {
            yield return summary.Trace.Kernel is null ? "the kernel's version is not known (--kernel names it)" : "no model of this kernel was replayed";
        }

        if (summary.Assumptions.Any(a => a is { Assumption: "AS-1", Value: "unknown" }))
        {
            yield return "no memslot is known";
        }

        if (Observed(summary).Where(o => o.Outcome != Unknown).Sum(o => o.Faults) == 0)
        {
            yield return "no record shows how a fault ended";
        }
        else if (outcomes is { Unknown: > 0 })
        {
            yield return "what the host had mapped there is not recorded";
        }

    }

    private static string Record(TraceSummary summary, bool isJudged) => summary.Advice.Count > 0
        ? $"Record {Listed(summary.Advice)} to know more (tracereplay probes says how)."
        : isJudged ? "" : "tracereplay info says what to record.";

    private static string Ends(TraceSummary summary)
    {
        List<OutcomeCount> observed = [.. Observed(summary)];
        if (observed.TrueForAll(o => o.Outcome == Unknown))
        {
            return "";
        }

        string[] parts = [.. OutcomeVerbs.All.Select(end => (Verb: end.Done, Faults: observed.Where(o => o.Outcome == end.Outcome).Sum(o => o.Faults)))
            .Where(end => end.Faults > 0).OrderByDescending(end => end.Faults).Select(end => $"{Prose.Count(end.Faults)} {(end.Faults == 1 ? "was" : "were")} {end.Verb}")];
        return summary.Faults == 1 ? $"The fault {Listed(parts)[2..]}."
            : parts.Length == 1 ? $"All {Prose.Count(summary.Faults)} faults {parts[0][(parts[0].IndexOf(' ', StringComparison.Ordinal) + 1)..]}."
            : $"Of the {Prose.Count(summary.Faults)} faults {Listed(parts)}.";
    }

    private static IEnumerable<string> Found(TraceSummary summary)
    {
        List<FindingRow> told = [.. summary.Findings.Where(f => f.Severity is "critical" or "serious")];
        if (told.Count == 0)
        {
            yield break;
        }

        string[] named = [.. told.GroupBy(f => f.Finding).Select(g => Named(g.Key, g.Count(), g.First().Cause))];
        yield return $"{(named.Length == 1 ? "One finding matters" : $"{named.Length} findings matter")}: {string.Join("; ", named)}.";
    }

    private static string Named(string id, int times, string cause)
    {
        Finding? finding = Catalogue.All.FirstOrDefault(f => f.Id == id);
        return $"{finding?.Title ?? id} ({id}{(times > 1 ? $", {times} times" : "")}), {(finding is { IsKnownDefect: true } ? "a defect of KVM that is known" : Doing(cause))}";
    }

    /// <summary>Whose doing it is, by the causes of <see cref="Finding.Cause"/>.</summary>
    internal static string Doing(string cause) => cause switch
    {
        "kernel" => "KVM's doing",
        "driver" => "the host driver's doing, not KVM's",
        "vmm" => "the VMM's doing, not KVM's",
        "guest" => "the guest's doing, not KVM's",
        "host" => "the doing of the host's memory management, not KVM's",
        "model" => "the model's doing, not the kernel's",
        "capture" => "for want of records",
        _ => "and the records do not say whose doing it is",
    };

    private static string Records(TraceSummary summary) => summary.Broken.Count == 0
        ? summary.Checked == 0 ? "" : $"The kernel's records break none of the {Prose.Count(summary.Checked, "invariant", "invariants")} that they can show."
        : $"The kernel's own records break {Listed([.. summary.Broken.Select(b => $"{b.Invariant} ({b.Name}) {Prose.Count(b.Times, "time", "times")}")])}.";

    private static string Others(TraceSummary summary, string captured)
    {
        List<string> models = [.. summary.Outcomes.Select(o => o.Source.Split(' ')[0]).Distinct().Where(m => m != SummaryReader.Observed && m != captured).OrderBy(ModelOrder.Rank)];
        if (models.Count == 0)
        {
            return "";
        }

        // What each would do otherwise, the models that would do the same together.
        var same = models.Select(m => (Model: m, Change: Change(summary, captured, m))).GroupBy(m => m.Change).ToList();
        return string.Join(' ', same.Select(g => (Who: Listed([.. g.Select(m => m.Model)]), Change: g.Key))
            .Select(g => g.Change is null ? $"What {g.Who} would change is not known." : $"{Prose.Capital(g.Who)} would {g.Change}."));
    }

    // null where the model knows the end of no fault.
    private static string? Change(TraceSummary summary, string captured, string model)
    {
        long unknown = summary.Outcomes.Where(o => o.Outcome == Unknown && o.Source.Split(' ')[0] == model).Sum(o => o.Faults);
        if (unknown >= summary.Faults)
        {
            return null;
        }

        // The outcome that the captured kernel's model has comes first, whichever of the two the row names first.
        var changes = summary.Divergences
            .Where(d => (d.ModelA == captured && d.ModelB == model) || (d.ModelA == model && d.ModelB == captured))
            .Select(d => d.ModelA == captured ? (From: d.OutcomeA, To: d.OutcomeB, d.Faults) : (From: d.OutcomeB, To: d.OutcomeA, d.Faults))
            .Where(d => d.From is not (null or Unknown) && d.To is not (null or Unknown))
            .ToList();
        List<string> parts = [.. changes.Where(d => d.To != Spurious).GroupBy(d => (d.From, d.To)).Select(g => (g.Key, Faults: g.Sum(d => d.Faults))).OrderByDescending(g => g.Faults)
            .Select(g => $"end {Prose.Count(g.Faults)} of them with {g.Key.To} instead of {g.Key.From}")];
        long spared = changes.Where(d => d.To == Spurious).Sum(d => d.Faults);
        if (spared > 0)
        {
            parts.Add($"not have had {Prose.Count(spared)} of them at all");
        }

        string but = unknown == 0 ? "" : $" ({Prose.Count(unknown)} {(unknown == 1 ? "is" : "are")} not known)";
        return (parts.Count == 0 ? "change nothing for this guest" : Listed(parts)) + but;
    }

    private static string Basis(FidelityLine outcomes)
    {
        string sets = outcomes.InSet == 0 ? "" : $", {Prose.Count(outcomes.InSet)} of them within a set of outcomes that the records allow";
        string gaps = string.Join(", ", FidelityText.Gaps(outcomes).Where(g => !g.EndsWith("lost records", StringComparison.Ordinal)));
        return $"This rests on {Prose.Percent(outcomes.Covered, outcomes.Total)} of the faults{sets}{(gaps.Length > 0 ? $"; of the others {gaps}" : "")}.";
    }

    // What the model needs and no record gave.
    private static string Inferred(TraceSummary summary)
    {
        string[] parts = [.. summary.Assumptions
            .Where(a => a.Value is not (null or "known") && AssumptionText.Subject(a.Assumption) is not null)
            .Select(a => $"{AssumptionText.Subject(a.Assumption)} ({a.Value}{(a.Share is { } share ? FormattableString.Invariant($", {share * 100:0.##} %") : "")})")];
        return parts.Length == 0 ? "What it rests on was recorded." : $"What it rests on was recorded but for {Listed(parts)}.";
    }

    private static IEnumerable<OutcomeCount> Observed(TraceSummary summary) => summary.Outcomes.Where(o => o.Source == SummaryReader.Observed);

    private static string Listed(IReadOnlyList<string> parts) => parts.Count < 2 ? string.Concat(parts) : $"{string.Join(", ", parts.Take(parts.Count - 1))} and {parts[^1]}";
}
