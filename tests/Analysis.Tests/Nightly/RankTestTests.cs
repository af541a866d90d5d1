using System.Numerics;
using CsCheck;
using MathNet.Numerics.Distributions;
using TraceReplay.Analysis.Nightly;
using Xunit;

namespace TraceReplay.Analysis.Tests.Nightly;

/// <summary>The rank test against counting every arrangement, and against the definition.</summary>
public class RankTestTests
{
    /// <summary>Samples that do not overlap: one arrangement of C(m + n, m).</summary>
    [Theory]
    [InlineData(3, 3, 1.0 / 20)]
    [InlineData(5, 5, 1.0 / 252)]
    [InlineData(3, 42, 1.0 / 14190)]
    [InlineData(5, 70, 1.0 / 17259390)]
    public void Samples_that_do_not_overlap(int high, int low, double p)
    {
        double[] above = [.. Enumerable.Range(1000, high).Select(i => (double)i)];
        double[] below = [.. Enumerable.Range(0, low).Select(i => (double)i)];
        Assert.Equal(p, RankTest.GreaterP(above, below), 12);
        Assert.Equal(p, RankTest.SmallestP(high, low), 12);
        Assert.Equal(1, RankTest.GreaterP(below, above), 12);
    }

    [Fact]
    public void Small_samples_are_what_counting_every_arrangement_gives_ties_included() =>
        Gen.Select(Gen.Int[0, 4].Array[1, 5], Gen.Int[0, 4].Array[1, 6]).Sample((x, y) =>
        {
            double[] a = [.. x.Select(v => (double)v)];
            double[] b = [.. y.Select(v => (double)v)];
            Assert.Equal(EveryArrangement(a, b), RankTest.GreaterP(a, b), 9);
        });

    /// <summary>Large samples: the textbook's normal approximation with continuity, here without ties.</summary>
    [Fact]
    public void Large_samples_are_normal()
    {
        double[] x = [.. Enumerable.Range(0, 400).Select(i => i + 28.3)];
        double[] y = [.. Enumerable.Range(0, 400).Select(i => (double)i)];
        double u = x.Sum(a => y.Count(b => b < a));
        double z = (u - 80000 - 0.5) / Math.Sqrt(400.0 * 400 * 801 / 12);
        Assert.Equal(Normal.CDF(0, 1, -z), RankTest.GreaterP(x, y), 9);
    }

    [Fact]
    public void Nothing_to_compare_is_no_evidence()
    {
        Assert.Equal(1, RankTest.GreaterP([], [1, 2]));
        Assert.Equal(1, RankTest.GreaterP([1, 2], []));
        Assert.Equal(1, RankTest.GreaterP([.. Enumerable.Repeat(1.0, 500)], [.. Enumerable.Repeat(1.0, 500)]));
    }

    private static double EveryArrangement(double[] x, double[] y)
    {
        double[] all = [.. x, .. y];
        double[] ranks = [.. all.Select(v => all.Count(w => w < v) + ((all.Count(w => w == v) + 1) / 2.0))];
        double observed = ranks.Take(x.Length).Sum();
        int total = 0, high = 0;
        for (uint set = 0; set < 1u << all.Length; set++)
        {
            if (BitOperations.PopCount(set) == x.Length)
            {
                total++;
                high += ranks.Where((_, i) => (set >> i & 1) != 0).Sum() >= observed - 1e-9 ? 1 : 0;
            }
        }

        return (double)high / total;
    }
}
