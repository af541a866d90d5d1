namespace TraceReplay.Analysis.Nightly;

/// <summary>How often the night's captures show a thing.</summary>
/// <param name="Hits">Faults, or records, that show it.</param>
/// <param name="Of">Those that could have, in the same captures.</param>
/// <param name="Captures">Captures that show it.</param>
public sealed record NightTally(long Hits, long Of, int Captures)
{
    /// <summary>Of an outcome that the model of the captured kernel missed: what the kernel did against what the model says, most frequent first.</summary>
    public IReadOnlyList<NightMiss> Misses { get; init; } = [];
}

/// <param name="Observed">Outcome on the kernel.</param>
/// <param name="Predicted">Outcome in the model, a set with bars between.</param>
/// <param name="Faults">How many.</param>
public sealed record NightMiss(string Observed, string Predicted, long Faults);
