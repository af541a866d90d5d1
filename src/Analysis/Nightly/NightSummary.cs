using System.Text.Json.Serialization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>How a comparison ended.</summary>
public static class NightVerdict
{
    /// <summary>Worse than the baseline, by a test that holds among all comparisons of the night, and by more than the least effect.</summary>
    public const string Regression = "regression";

    /// <summary>A kind of violation, divergence or infidelity that the baseline did not have.</summary>
    public const string NewKind = "new kind";

    /// <summary>Better, by the same test.</summary>
    public const string Improved = "improved";

    public const string Steady = "steady";

    /// <summary>Too little baseline.</summary>
    public const string None = "no verdict yet";
}

/// <summary>One quantity of one group of captures, tonight and before.</summary>
/// <param name="Class">Host class.</param>
/// <param name="Host">null: all hosts of the class.</param>
/// <param name="Kernel">Release.</param>
/// <param name="Scenario">What was run.</param>
/// <param name="Quantity">As in the table night_stats.</param>
/// <param name="Unit">ns, share, or findings.</param>
/// <param name="Verdict">One of <see cref="NightVerdict"/>.</param>
/// <param name="Baseline">Median over the earlier nights' captures (of hosts, for a class); null if there is none.</param>
/// <param name="Tonight">The same tonight.</param>
/// <param name="Effect">Of a latency the ratio tonight/baseline, else the difference.</param>
/// <param name="P">Two-sided p value; null where no test was made.</param>
/// <param name="CorrectedP">After Holm's correction over all tests of the night.</param>
/// <param name="BaselineCaptures">Captures behind <paramref name="Baseline"/>.</param>
/// <param name="TonightCaptures">Captures behind <paramref name="Tonight"/>.</param>
/// <param name="Test">The test, or why there is none.</param>
public sealed record NightComparison(
    string Class, string? Host, string Kernel, string Scenario, string Quantity, string Unit, string Verdict,
    double? Baseline, double? Tonight, double? Effect, double? P, double? CorrectedP, int BaselineCaptures, int TonightCaptures, string Test)
{
    /// <summary>In one sentence, the effect first.</summary>
    [JsonIgnore]
    public string Sentence => NightOutputs.Say(this);

    [JsonIgnore]
    public bool IsRegression => Verdict is NightVerdict.Regression or NightVerdict.NewKind;
}

/// <summary>A capture that could not be read, or only in part.</summary>
public sealed record NightRefusal(string Name, string Host, string Reason);

/// <summary>One night among others.</summary>
public sealed record NightTrend(DateOnly Date, long Captures, long Hosts, long Faults, long Lost, long Refused, double? Fidelity);

/// <summary>A night and what changed. It follows from the dataset and the inbox's index alone: run again, it is the same to the byte.</summary>
public sealed record NightSummary
{
    public required DateOnly Date { get; init; }

    /// <summary>Earlier nights that it is compared with; oldest first.</summary>
    public required IReadOnlyList<DateOnly> BaselineNights { get; init; }

    public required long Captures { get; init; }

    public required long Hosts { get; init; }

    public required long Events { get; init; }

    public required long Faults { get; init; }

    /// <summary>Lost records.</summary>
    public required long Lost { get; init; }

    /// <summary>Share of compared faults of which the captured kernel's model predicted the outcome; null if none was compared.</summary>
    public required double? Fidelity { get; init; }

    public required long Violations { get; init; }

    public required long Divergences { get; init; }

    public required long Infidelities { get; init; }

    /// <summary>Tests made, which Holm's correction is over.</summary>
    public required int Tests { get; init; }

    /// <summary>Regressions first, by effect; then new kinds, improvements, what has no verdict, and what is steady.</summary>
    public required IReadOnlyList<NightComparison> Comparisons { get; init; }

    public required IReadOnlyList<NightRefusal> Refusals { get; init; }

    /// <summary>This night last.</summary>
    public required IReadOnlyList<NightTrend> Trend { get; init; }

    /// <summary>Level of the family of all tests.</summary>
    public double Alpha { get; init; } = NightComparer.Alpha;
}
