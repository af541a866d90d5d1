namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// What ranks cannot tell, as there are too few captures: each host's value of the night against its own earlier ones, with the spread
/// of nights and captures as the error, taken for normal. Its level is a tenth of the ranks', and what it finds is told as weaker.
/// </summary>
internal static class WeakComparison
{
    /// <summary>Chance of any false alarm in a quiet night.</summary>
    public const double Level = 0.001;

    private const int LeastNights = 4;

    /// <summary>Standard deviation that the logarithm of a latency has at least: few nights may lie together by chance.</summary>
    private const double LeastLatencySpread = 0.05;

    // What must be seen for a quantity to count as judged: twice the latency, three points of a share.
    private const double JudgedRatio = 2;
    private const double JudgedPoints = 0.03;

    /// <param name="Comparison">What is compared, without a verdict.</param>
    /// <param name="Tonight">The host's median tonight; of latencies the logarithm.</param>
    /// <param name="Nights">Its earlier nights' medians.</param>
    /// <param name="Spread">Of nights, pooled over the hosts.</param>
    /// <param name="Faults">That a capture's value rests on, in the mean.</param>
    internal sealed record Candidate(Comparison Comparison, double Tonight, List<double> Nights, NightSpread Spread, double Faults);

    public static List<Comparison> Judge(IReadOnlyList<Candidate> candidates)
    {
        List<(Candidate Of, double P, double Least)> tested = [];
        List<Comparison> result = [];
        foreach (Candidate c in candidates)
        {
            if (c.Nights.Count < LeastNights || c.Spread.Freedom < LeastNights - 1)
            {
                result.Add(c.Comparison with { IsWeak = true });
                continue;
            }

            double least = LeastVariance(c);
            tested.Add((c, c.Spread.GreaterP(c.Tonight, c.Nights, least), least));
        }

        double corrected = 0;
        int at = 0;
        foreach ((Candidate of, double p, double least) in tested.OrderBy(t => t.P).ThenBy(t => t.Of.Comparison.Subject, StringComparer.Ordinal))
        {
            corrected = Math.Max(corrected, Math.Min(1, (tested.Count - at++) * p));
            double shift = of.Spread.Shows(Level / tested.Count, of.Nights, least);
            double shows = of.Comparison.IsLatency ? Math.Exp(shift) : shift;
            bool worse = corrected < Level && of.Comparison.Effect >= LeastEffect(of.Comparison);
            bool able = shows <= (of.Comparison.IsLatency ? JudgedRatio : JudgedPoints);
            result.Add(of.Comparison with
            {
                IsWeak = true,
                P = p,
                CorrectedP = corrected,
                Shows = shows,
                Verdict = worse ? Verdict.Suspected : able ? Verdict.Quiet : Verdict.NotYet,
            });
        }

        return result;
    }

    /// <summary>
    /// Ranks first; of the weak ones those that say more than the class does. A class that ranks cannot judge is judged if each of its
    /// hosts is.
    /// </summary>
    public static (IReadOnlyList<Comparison> Comparisons, int Quantities, int Judged) Merge(
        IReadOnlyList<Comparison> ranked, IReadOnlyList<Comparison> weak, Func<Comparison, IReadOnlyList<(DateOnly, double)>> nights)
    {
        ILookup<(NightGroup, string?, string, string), Comparison> hosts = ranked.Concat(weak).Where(c => c.Host is not null && (c.IsWeak || c.Verdict != Verdict.NotYet)).ToLookup(OfClass);
        List<Comparison> classes = [.. ranked.Where(c => c.Host is null).Select(c =>
            c.Verdict == Verdict.NotYet && c.Units > 0 && hosts[OfClass(c)].Any() && hosts[OfClass(c)].All(h => h.Verdict != Verdict.NotYet) ? c with { Verdict = Verdict.Quiet, IsWeak = true } : c)];
        Dictionary<(NightGroup, string?, string, string), Verdict> classOf = classes.ToDictionary(OfClass, c => c.Verdict);
        List<Comparison> shown =
        [
            .. classes,
            .. ranked.Where(c => c.Host is not null),
            .. weak.Where(c => c.Verdict == Verdict.Suspected ? classOf[OfClass(c)] != Verdict.Regression : c.Verdict == Verdict.NotYet && classOf[OfClass(c)] != Verdict.NotYet),
        ];
        HashSet<(NightGroup, string?, string?, string, string)> weakly = [.. weak.Select(NightComparison.Quantity)];
        List<Comparison> all = [.. classes.Where(c => c.Units > 0), .. ranked.Where(c => c.Host is not null && !weakly.Contains(NightComparison.Quantity(c))), .. weak];
        return (
            [
                .. shown.Select(c => c.Verdict is Verdict.Regression or Verdict.Suspected ? c with { Nights = nights(c) } : c)
                    .OrderBy(c => c.Verdict switch { Verdict.Regression => 0, Verdict.Suspected => 1, _ => 2 })
                    .ThenBy(c => c.CorrectedP ?? 2)
                    .ThenBy(c => c.Subject, StringComparer.Ordinal)
                    .ThenBy(c => c.Metric, StringComparer.Ordinal)
                    .ThenBy(c => c.Key, StringComparer.Ordinal),
            ],
            all.Count,
            all.Count(c => c.Verdict != Verdict.NotYet));
    }

    private static (NightGroup, string?, string, string) OfClass(Comparison c) => (c.Group, c.Clock, c.Metric, c.Key);

    /// <summary>A share of n faults is known no better than to its binomial error, also where it was 0 in every night.</summary>
    private static double LeastVariance(Candidate c)
    {
        if (c.Comparison.IsLatency)
        {
            return LeastLatencySpread * LeastLatencySpread;
        }

        double n = Math.Max(1, c.Faults);
        double share = ((Math.Clamp(c.Nights.Average(), 0, 1) * n) + 1) / (n + 2);
        return share * (1 - share) / n;
    }

    /// <summary>More than what counts for ranks: a weaker statement is worth a larger change only.</summary>
    private static double LeastEffect(Comparison c) => c.IsLatency ? 1.3 : Math.Max(0.02, 2 * NightComparison.LeastEffect(c.Metric));
}
