using MathNet.Numerics.Distributions;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// Rank tests, exact where that is affordable, ties included: shares of outcomes are tied more often than not, which the usual
/// tables and libraries exclude. Two-sided p values.
/// </summary>
public static class RankTests
{
    /// <summary>Above this many steps the exact distribution gives way to the normal one with the correction for ties.</summary>
    private const double MaxSteps = 2e7;

    /// <summary>Wilcoxon's rank-sum test (Mann-Whitney): the probability of ranks as uneven as these if both samples come from one population.</summary>
    /// <param name="x">One sample; not empty.</param>
    /// <param name="y">The other; not empty.</param>
    public static double RankSum(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        int[] ranks = DoubledRanks([.. x, .. y], out double ties);
        long observed = Sum(ranks.AsSpan(0, x.Length));
        int n = ranks.Length;
        double mean = (double)x.Length * (n + 1);
        double away = Math.Abs(observed - mean);

        // Ways to choose the smaller sample's ranks, by their sum.
        int small = Math.Min(x.Length, y.Length);
        int total = 2 * small * n;
        if ((double)small * n * total > MaxSteps)
        {
            double variance = (double)x.Length * y.Length / 12 * (n + 1 - (ties / ((double)n * (n - 1)))) * 4;
            return variance <= 0 ? 1 : Math.Min(1, 2 * Normal.CDF(0, 1, -Math.Max(0, away - 1) / Math.Sqrt(variance)));
        }

        double[][] ways = [.. Enumerable.Range(0, small + 1).Select(_ => new double[total + 1])];
        ways[0][0] = 1;
        int reached = 0;
        foreach (int rank in ranks)
        {
            reached = Math.Min(total, reached + rank);
            for (int taken = small; taken > 0; taken--)
            {
                double[] from = ways[taken - 1];
                double[] to = ways[taken];
                for (int sum = reached; sum >= rank; sum--)
                {
                    to[sum] += from[sum - rank];
                }
            }
        }

        double centre = (double)small * (n + 1);
        return Tail(ways[small], centre, away);
    }

    /// <summary>Wilcoxon's signed-rank test of pairs: the probability of differences as one-sided as these if their signs are chance. Pairs without a difference say nothing.</summary>
    public static double SignedRank(ReadOnlySpan<double> differences)
    {
        List<double> some = [];
        foreach (double d in differences)
        {
            if (d != 0)
            {
                some.Add(d);
            }
        }

        if (some.Count == 0)
        {
            return 1;
        }

        int[] ranks = DoubledRanks([.. some.Select(Math.Abs)], out _);
        long observed = 0;
        int total = 0;
        for (int i = 0; i < ranks.Length; i++)
        {
            observed += some[i] > 0 ? ranks[i] : 0;
            total += ranks[i];
        }

        double centre = total / 2.0;
        double away = Math.Abs(observed - centre);
        if ((double)ranks.Length * total > MaxSteps)
        {
            double variance = ranks.Sum(rank => (double)rank * rank) / 4;
            return Math.Min(1, 2 * Normal.CDF(0, 1, -Math.Max(0, away - 1) / Math.Sqrt(variance)));
        }

        double[] ways = new double[total + 1];
        ways[0] = 1;
        foreach (int rank in ranks)
        {
            for (int sum = total; sum >= rank; sum--)
            {
                ways[sum] += ways[sum - rank];
            }
        }

        return Tail(ways, centre, away);
    }

    /// <summary>Holm's correction: what the p value of each comparison is worth among all that were made.</summary>
    public static double[] Holm(IReadOnlyList<double> p)
    {
        int[] order = [.. Enumerable.Range(0, p.Count).OrderBy(i => p[i])];
        double[] corrected = new double[p.Count];
        double least = 0;
        for (int i = 0; i < order.Length; i++)
        {
            least = Math.Max(least, Math.Min(1, (order.Length - i) * p[order[i]]));
            corrected[order[i]] = least;
        }

        return corrected;
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length == 0 ? double.NaN : sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private static double Tail(double[] ways, double centre, double away)
    {
        double all = 0;
        double far = 0;
        for (int sum = 0; sum < ways.Length; sum++)
        {
            all += ways[sum];

            // Half a step of tolerance: the doubled ranks are whole numbers, the centre may lie between two.
            far += Math.Abs(sum - centre) >= away - 0.25 ? ways[sum] : 0;
        }

        return Math.Min(1, far / all);
    }

    /// <summary>Twice the mid-ranks, so that they are whole numbers.</summary>
    private static int[] DoubledRanks(double[] values, out double ties)
    {
        int[] order = [.. Enumerable.Range(0, values.Length).OrderBy(i => values[i])];
        int[] ranks = new int[values.Length];
        ties = 0;
        for (int at = 0; at < order.Length;)
        {
            int end = at;
            while (end < order.Length && values[order[end]] == values[order[at]])
            {
                end++;
            }

            for (int i = at; i < end; i++)
            {
                ranks[order[i]] = at + end + 1;
            }

            double same = end - at;
            ties += (same * same * same) - same;
            at = end;
        }

        return ranks;
    }

    private static long Sum(ReadOnlySpan<int> values)
    {
        long sum = 0;
        foreach (int value in values)
        {
            sum += value;
        }

        return sum;
    }
}
