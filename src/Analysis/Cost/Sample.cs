namespace TraceReplay.Analysis.Cost;

/// <summary>Statistics of a sample of times.</summary>
/// <param name="N">How many.</param>
/// <param name="P50">The value at rank ceil(0.5 n), as quantile_disc has it; likewise the others.</param>
/// <param name="P90">90th percentile.</param>
/// <param name="P99">99th percentile.</param>
/// <param name="Max">The largest.</param>
/// <param name="Mean">Arithmetic mean.</param>
public sealed record Sample(long N, long P50, long P90, long P99, long Max, double Mean)
{
    /// <param name="values">At least one.</param>
    public static Sample Of(IEnumerable<long> values)
    {
        long[] sorted = [.. values];
        Array.Sort(sorted);
        return new Sample(sorted.Length, Rank(sorted, 0.5), Rank(sorted, 0.9), Rank(sorted, 0.99), sorted[^1], sorted.Average());
    }

    private static long Rank(long[] sorted, double p) => sorted[Math.Clamp((int)Math.Ceiling(p * sorted.Length) - 1, 0, sorted.Length - 1)];
}
