using CsCheck;
using TraceReplay.Analysis.Nightly;
using Xunit;

namespace TraceReplay.Analysis.Tests.Nightly;

/// <summary>The exact tests against counting every arrangement, and against printed values.</summary>
public class RankTestsTests
{
    /// <summary>Two-sided, exact: from the definition, 2 / C(n, k) for samples that do not overlap.</summary>
    [Theory]
    [InlineData(3, 3, 0.1)]
    [InlineData(5, 5, 2.0 / 252)]
    [InlineData(3, 42, 2.0 / 14190)]
    [InlineData(5, 70, 2.0 / 17259390)]
    public void Samples_that_do_not_overlap(int x, int y, double p)
    {
        double[] low = [.. Enumerable.Range(0, x).Select(i => (double)i)];
        double[] high = [.. Enumerable.Range(100, y).Select(i => (double)i)];
        Assert.Equal(p, RankTests.RankSum(low, high), 12);
        Assert.Equal(p, RankTests.RankSum(high, low), 12);
    }

    /// <summary>Wilcoxon 1945, table of the signed-rank test: n = 6 with all of one sign is 2/64.</summary>
    [Theory]
    [InlineData(6, 2.0 / 64)]
    [InlineData(10, 2.0 / 1024)]
    public void Differences_of_one_sign(int n, double p) =>
        Assert.Equal(p, RankTests.SignedRank([.. Enumerable.Range(1, n).Select(i => (double)i)]), 12);

    /// <summary>Holm 1979: the smallest times n, the next times n - 1, never less than the one before.</summary>
    [Fact]
    public void Holms_correction()
    {
        double[] corrected = RankTests.Holm([0.01, 0.04, 0.03, 0.005]);
        Assert.Equal([0.03, 0.06, 0.06, 0.02], corrected.Select(p => Math.Round(p, 10)));
    }

    [Fact]
    public void Rank_sum_is_what_counting_every_arrangement_gives_ties_included() =>
        Gen.Select(Gen.Int[0, 4].Array[1, 4], Gen.Int[0, 4].Array[1, 5]).Sample((x, y) =>
        {
            double[] a = [.. x.Select(v => (double)v)];
            double[] b = [.. y.Select(v => (double)v)];
            Assert.Equal(EveryArrangement(a, b), RankTests.RankSum(a, b), 9);
        });

    [Fact]
    public void Signed_rank_is_what_counting_every_sign_gives_ties_included() =>
        Gen.Int[-4, 4].Array[1, 8].Sample(values =>
        {
            double[] d = [.. values.Select(v => (double)v)];
            Assert.Equal(EverySign(d), RankTests.SignedRank(d), 9);
        });

    [Fact]
    public void Large_samples_agree_with_the_normal_distribution()
    {
        // 400 against 400, shifted by a tenth of their spread: z = -1.73 by the textbook's formula without ties.
        double[] x = [.. Enumerable.Range(0, 400).Select(i => (double)i)];
        double[] y = [.. Enumerable.Range(0, 400).Select(i => i + 28.3)];
        double u = x.Sum(a => y.Count(b => b < a));
        double z = (Math.Abs(u - 80000) - 0.5) / Math.Sqrt(400.0 * 400 * 801 / 12);
        Assert.Equal(2 * MathNet.Numerics.Distributions.Normal.CDF(0, 1, -z), RankTests.RankSum(x, y), 6);
    }

    private static double EveryArrangement(double[] x, double[] y)
    {
        double[] all = [.. x, .. y];
        double[] ranks = [.. all.Select(v => all.Count(w => w < v) + ((all.Count(w => w == v) + 1) / 2.0))];
        double mean = x.Length * (all.Length + 1) / 2.0;
        double observed = Math.Abs(ranks.Take(x.Length).Sum() - mean);
        int total = 0;
        int far = 0;
        for (int set = 0; set < 1 << all.Length; set++)
        {
            if (System.Numerics.BitOperations.PopCount((uint)set) == x.Length)
            {
                total++;
                far += Math.Abs(ranks.Where((_, i) => (set >> i & 1) != 0).Sum() - mean) >= observed - 1e-9 ? 1 : 0;
            }
        }

        return (double)far / total;
    }

    private static double EverySign(double[] differences)
    {
        double[] d = [.. differences.Where(v => v != 0).Select(Math.Abs)];
        if (d.Length == 0)
        {
            return 1;
        }

        double[] ranks = [.. d.Select(v => d.Count(w => w < v) + ((d.Count(w => w == v) + 1) / 2.0))];
        double mean = ranks.Sum() / 2;
        double[] signed = [.. differences.Where(v => v != 0)];
        double observed = Math.Abs(ranks.Where((_, i) => signed[i] > 0).Sum() - mean);
        int far = Enumerable.Range(0, 1 << d.Length).Count(set => Math.Abs(ranks.Where((_, i) => (set >> i & 1) != 0).Sum() - mean) >= observed - 1e-9);
        return (double)far / (1 << d.Length);
    }
}
