using TraceReplay.Analysis.Summary;

namespace TraceReplay.Analysis.Nightly;

/// <summary>Captures that may be compared with each other.</summary>
public sealed record NightGroup(string HostClass, string Scenario, string? Kernel)
{
    public override string ToString() => $"{HostClass}, {Scenario}, {Kernel ?? "unknown kernel"}";
}

/// <summary>What a comparison came to.</summary>
public enum Verdict
{
    /// <summary>No regression that the night's captures could show.</summary>
    Quiet,

    /// <summary>Worse than the baseline, by the test and by at least the least effect that counts.</summary>
    Regression,

    /// <summary>Too few captures, tonight or before, or too far apart, to see even a large change.</summary>
    NotYet,

    /// <summary>Far out among the host's own nights, by a test that takes their spread for normal: weaker than a regression, and told as such.</summary>
    Suspected,
}

/// <summary>One quantity of one group, or of one host of it, tonight and before.</summary>
/// <param name="Host">null = the group as a whole: one value for each host and night. Else a host against its own past: one for each capture.</param>
/// <param name="Metric">latency_ns (or latency_ and what else the clock counts), outcome, divergence, violation, infidelity, uncovered, lost.</param>
/// <param name="Key">Which of them: a percentile, an outcome, a kind.</param>
/// <param name="Tonight">Median (latency, ns) or mean (share) over tonight's values.</param>
/// <param name="Baseline">The same over the baseline's.</param>
/// <param name="Effect">Latency: ratio. Shares: difference.</param>
/// <param name="Units">Values tonight.</param>
/// <param name="BaselineUnits">Values before.</param>
/// <param name="P">One-sided; null without a verdict.</param>
/// <param name="CorrectedP">After Holm over all comparisons of the night.</param>
public sealed record Comparison(
    NightGroup Group, string? Host, string Metric, string Key, double Tonight, double Baseline, double Effect, int Units, int BaselineUnits, double? P, double? CorrectedP, Verdict Verdict)
{
    /// <summary>Of a regression, each night's median (latency, ns) or mean (share), tonight last.</summary>
    public IReadOnlyList<(DateOnly Night, double Value)> Nights { get; init; } = [];

    /// <summary>The trace clock, where captures of the group have different ones: those of one are compared with each other only.</summary>
    public string? Clock { get; init; }

    /// <summary>Judged by the spread of the host's nights (<see cref="NightSpread"/>) instead of ranks.</summary>
    public bool IsWeak { get; init; }

    /// <summary>Smallest effect that this many captures could show: of latency a ratio, of shares a difference; null where none could.</summary>
    public double? Shows { get; init; }

    /// <summary>Of a regression, the captures that show it most.</summary>
    public IReadOnlyList<NightLead> Leads { get; init; } = [];

    /// <summary>Of a regression in what fidelity counts, how many faults it is about and how they ended.</summary>
    public NightTally? Tally { get; init; }

    /// <summary>Latencies move by ratios, shares by differences.</summary>
    public bool IsLatency => Metric.StartsWith(CaptureStats.Latency, StringComparison.Ordinal);

    /// <summary>The group, and the host where it is one.</summary>
    public string Subject => Host is null ? Group.ToString() : $"{Group}, {Host}";
}

/// <summary>A divergence, violation, infidelity or finding of a kind that no earlier night had.</summary>
/// <param name="Captures">Captures of the night that show it.</param>
/// <param name="Example">One of them.</param>
public sealed record NewKind(string Metric, string Kind, int Captures, string Example)
{
    /// <summary>How many faults show it.</summary>
    public NightTally? Tally { get; init; }

    /// <summary>The captures that show it most.</summary>
    public IReadOnlyList<NightLead> Leads { get; init; } = [];
}

/// <summary>A night, compared with the nights before.</summary>
public sealed record NightReport
{
    public required DateOnly Night { get; init; }

    /// <summary>Directory of the dataset, as it was named.</summary>
    public string Dataset { get; init; } = NightLead.AnyDataset;

    /// <summary>The command that made it; null where none did.</summary>
    public string? Command { get; init; }

    public required int Captures { get; init; }

    public required int Hosts { get; init; }

    public required long Faults { get; init; }

    public required long Events { get; init; }

    public required long Lost { get; init; }

    /// <summary>Where the outcomes stand that the models of the captured kernels predict.</summary>
    public required FidelityLine Outcomes { get; init; }

    /// <summary>Misses of those models in all quantities, without those behind lost records.</summary>
    public required long Missed { get; init; }

    public required IReadOnlyList<DateOnly> BaselineNights { get; init; }

    public required int BaselineCaptures { get; init; }

    /// <summary>Family-wise level of the night.</summary>
    public required double Level { get; init; }

    /// <summary>Regressions first, then by corrected probability.</summary>
    public required IReadOnlyList<Comparison> Comparisons { get; init; }

    public required IReadOnlyList<NewKind> NewKinds { get; init; }

    /// <summary>What the night's captures have, most severe first.</summary>
    public IReadOnlyList<NightFinding> Findings { get; init; } = [];

    /// <summary>The hosts of the night; the most changed ones where there are many.</summary>
    public IReadOnlyList<NightHost> EachHost { get; init; } = [];

    /// <summary>One line for each capture of the night that was damaged or unreadable.</summary>
    public required IReadOnlyList<string> Failures { get; init; }

    /// <summary>One line for each file of the night that is no capture, with the reason.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];

    /// <summary>One line for each event of the night of which rows could not be read.</summary>
    public IReadOnlyList<string> Unread { get; init; } = [];

    /// <summary>Quantities of hosts and classes of the night.</summary>
    public int Quantities { get; init; }

    /// <summary>Of these, those of which the night's captures can tell whether they are worse than before.</summary>
    public int Judged { get; init; }

    /// <summary>What retention removed, or why it did not; null if it was not asked for.</summary>
    public RetentionResult? Retention { get; init; }

    public IEnumerable<Comparison> Regressions => Comparisons.Where(c => c.Verdict is Nightly.Verdict.Regression or Nightly.Verdict.Suspected);

    /// <summary>What cannot be judged: first what nothing else tells, then what has become worse most.</summary>
    public IEnumerable<Comparison> Unjudged => Comparisons.Where(c => c.Verdict == Nightly.Verdict.NotYet && c.Units > 0)
        .OrderBy(IsTold)
        .ThenByDescending(c => double.IsFinite(c.Effect) ? c.IsLatency ? Math.Log(c.Effect) : c.Effect : 0)
        .ThenBy(c => c.Subject, StringComparer.Ordinal).ThenBy(c => c.Key, StringComparer.Ordinal);

    /// <summary>Whether a host's quantity is that of its class which is a regression: it says nothing new.</summary>
    public bool IsTold(Comparison c) => c.Host is not null && Regressions.Any(r => r.Host is null && (r.Group, r.Clock, r.Metric, r.Key) == (c.Group, c.Clock, c.Metric, c.Key));

    public bool IsRegression => NewKinds.Count > 0 || Regressions.Any();

    /// <summary>regression, quiet (everything could be judged and nothing is worse), judged in part, or no verdict yet.</summary>
    public string Verdict => IsRegression ? "regression" : Judged == 0 ? "no verdict yet" : Judged == Quantities ? "quiet" : "judged in part";
}
