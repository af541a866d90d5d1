using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Results;

/// <summary>How many facts of one sort were inferred where a probe says the same, and how many it confirms.</summary>
/// <param name="Inferred">Facts that both replays have.</param>
/// <param name="Equal">Those that are the same in both.</param>
internal readonly record struct PricedInference(long Inferred, long Equal)
{
    /// <summary>Share of the inferred facts that are wrong, 0 to 1; null if there are none.</summary>
    public double? Error => Inferred == 0 ? null : (double)(Inferred - Equal) / Inferred;

    public PricedInference Count(bool equal) => new(Inferred + 1, Equal + (equal ? 1 : 0));
}

/// <summary>The measured error of each inference: a replay without probes against one of the same trace with them.</summary>
internal static class InferencePrice
{
    public const string Writable = "writable";
    public const string Outcome = "outcome";
    public const string Observed = "observed";

    /// <summary>By AS-n, and by <see cref="Writable"/>, <see cref="Outcome"/> and <see cref="Observed"/>.</summary>
    public static Dictionary<string, PricedInference> Measure(FactLog probed, FactLog inferred)
    {
        PricedInference slots = default;
        PricedInference remapped = default;
        PricedInference kinds = default;
        PricedInference counts = default;
        PricedInference writable = default;
        PricedInference outcomes = default;
        PricedInference observed = default;
        for (int i = 0; i < Math.Min(probed.Faults.Count, inferred.Faults.Count); i++)
        {
            FaultFacts truth = probed.Faults[i];
            FaultFacts guess = inferred.Faults[i];
            slots = truth.KnowsSlot && guess.KnowsSlot ? slots.Count(truth.Hva == guess.Hva) : slots;
            if (truth.Kind != PageKind.Unknown && guess.Kind != PageKind.Unknown)
            {
                remapped = remapped.Count(truth.Remapped == guess.Remapped);
                kinds = kinds.Count(truth.Kind.Key() == guess.Kind.Key());
                counts = truth.Remapped ? counts.Count(truth.Kind.StructPage().Count == guess.Kind.StructPage().Count) : counts;
            }

            writable = truth.KnowsWritable && guess.KnowsWritable ? writable.Count(truth.Writable == guess.Writable) : writable;
            outcomes = guess.Predicted != FaultOutcome.Unknown && truth.Observed != FaultOutcome.Unknown ? outcomes.Count(truth.Observed == guess.Predicted) : outcomes;
            observed = guess.Observed != FaultOutcome.Unknown && truth.Observed != FaultOutcome.Unknown ? observed.Count(truth.Observed == guess.Observed) : observed;
        }

        PricedInference windows = default;
        foreach ((long unmap, long end) in inferred.WindowEnds)
        {
            windows = probed.WindowEnds.TryGetValue(unmap, out long shown) ? windows.Count(end == shown) : windows;
        }

        return new Dictionary<string, PricedInference>
        {
            ["AS-1"] = slots,
            ["AS-2"] = remapped,
            ["AS-3"] = kinds,
            ["AS-4"] = counts,
            ["AS-5"] = windows,
            [Writable] = writable,
            [Outcome] = outcomes,
            [Observed] = observed,
        };
    }
}
