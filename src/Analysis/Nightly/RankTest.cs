using MathNet.Numerics.Distributions;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// Wilcoxon-Mann-Whitney: are the values of one sample larger than those of another? One-sided. Exact (every way to choose the first
/// sample's ranks is equally likely, ties and all) while the samples are small; else the normal approximation with ties and continuity.
/// </summary>
public static class RankTest
{
    /// <summary>Cells of the exact count's table that are worth their time.</summary>
    private const long ExactWork = 4_000_000;

    /// <returns>Probability, if both samples are of one distribution, of ranks of <paramref name="sample"/> at least this high; 1 if one is empty.</returns>
    public static double GreaterP(IReadOnlyList<double> sample, IReadOnlyList<double> baseline)
    {
        int m = sample.Count, n = baseline.Count;
        if (m == 0 || n == 0)
        {
            return 1;
        }

        if (m > n)
        {
            return GreaterP([.. baseline.Select(v => -v)], [.. sample.Select(v => -v)]); // the same question, and fewer ranks to choose
        }

        (int[] ranks, double ties) = DoubledRanks([.. sample, .. baseline]);
        long observed = ranks.Take(m).Sum(r => (long)r);
        long sumOfRanks = ranks.Sum(r => (long)r);
        if ((long)m * (m + n) * Math.Min(sumOfRanks, 2L * m * (m + n)) <= ExactWork)
        {
            return Exact(ranks, m, observed);
        }

        double total = m + n;
        double u = (observed / 2.0) - (m * (m + 1) / 2.0);
        double variance = m * (double)n / 12 * (total + 1 - (ties / (total * (total - 1))));
        return variance <= 0 ? 1 : Normal.CDF(0, 1, -(u - (m * (double)n / 2) - 0.5) / Math.Sqrt(variance));
    }

    /// <summary>The smallest probability that samples of these sizes can give, without ties.</summary>
    public static double SmallestP(int m, int n)
    {
        double p = 1;
        for (int i = 1; i <= m; i++)
        {
            p *= i / (double)(n + i);
        }

        return p;
    }

    // Twice the mid-ranks, so that ties keep them whole; and the sum of t^3 - t over groups of t ties.
    private static (int[] Ranks, double Ties) DoubledRanks(double[] values)
    {
        int[] order = [.. Enumerable.Range(0, values.Length)];
        Array.Sort((double[])values.Clone(), order);
        int[] ranks = new int[values.Length];
        double ties = 0;
        for (int from = 0; from < order.Length;)
        {
            int to = from + 1;
            while (to < order.Length && values[order[to]] == values[order[from]])
            {
                to++;
            }

            for (int i = from; i < to; i++)
            {
                ranks[order[i]] = from + to + 1;
            }

            double t = to - from;
            ties += (t * t * t) - t;
            from = to;
        }

        return (ranks, ties);
    }

    private static double Exact(int[] ranks, int m, long observed)
    {
        int largest = checked((int)ranks.OrderDescending().Take(m).Sum(r => (long)r));
        double[][] ways = new double[m + 1][];
        for (int k = 0; k <= m; k++)
        {
            ways[k] = new double[largest + 1];
        }

        ways[0][0] = 1;
        foreach (int rank in ranks)
        {
            for (int k = m; k >= 1; k--)
            {
                for (int sum = largest; sum >= rank; sum--)
                {
                    ways[k][sum] += ways[k - 1][sum - rank];
                }
            }
        }

        double all = 0, high = 0;
        for (int sum = 0; sum <= largest; sum++)
        {
            all += ways[m][sum];
            high += sum >= observed ? ways[m][sum] : 0;
        }

        return Math.Min(1, high / all);
    }
}
