using System.Globalization;
using TraceReplay.Analysis.Nightly;
using Xunit;

namespace TraceReplay.Analysis.Tests.Nightly;

/// <summary>
/// Nights of a made fleet: 40 hosts, 4 scenarios, 5 captures each, 15 nights. Hosts, nights and captures have latencies of their own
/// (standard deviations of their logarithms 30 %, 2 % and 8 %). Quiet nights must be quiet, planted regressions found.
/// </summary>
public class NightComparerTests
{
    private const int Hosts = 40;
    private const int Scenarios = 4;
    private const int Captures = 5;
    private const int Nights = 15;
    private static readonly DateOnly s_first = new(2026, 11, 1);

    [Fact]
    public void Twenty_quiet_nights_raise_no_alarm()
    {
        int alarms = 0;
        for (int seed = 1; seed <= 20; seed++)
        {
            (IReadOnlyList<NightComparison> comparisons, int tests) = Play(seed, planted: []);
            Assert.True(tests > Hosts * Scenarios, $"{tests} tests");
            alarms += comparisons.Count(c => c.IsRegression);
        }

        Assert.Equal(0, alarms);
    }

    /// <summary>Five hosts' runs of one scenario (3 % of 160) are slower by 40 %, or refuse 3 % more of their faults.</summary>
    [Theory]
    [InlineData(1.4, 0)]
    [InlineData(1, 0.03)]
    public void Planted_regressions_are_found_and_nothing_else(double factor, double refused)
    {
        int planted = 0;
        int found = 0;
        int others = 0;
        for (int seed = 101; seed <= 108; seed++)
        {
            HashSet<(int Host, int Scenario)> where = [.. Enumerable.Range(0, 5).Select(i => ((seed + (i * 7)) % Hosts, (seed + i) % Scenarios))];
            (IReadOnlyList<NightComparison> comparisons, _) = Play(seed, where, factor, refused);
            HashSet<(string?, string)> alarms = [.. comparisons.Where(c => c.IsRegression).Select(c => (c.Host, c.Scenario))];
            planted += where.Count;
            found += where.Count(w => alarms.Contains(($"h{w.Host}", $"s{w.Scenario}")));
            others += alarms.Count(a => a.Item1 is not null && !where.Contains((int.Parse(a.Item1[1..], CultureInfo.InvariantCulture), int.Parse(a.Item2[1..], CultureInfo.InvariantCulture))));
        }

        Assert.True(found >= 0.95 * planted, $"{found} of {planted} found");
        Assert.Equal(0, others);
    }

    [Fact]
    public void A_class_that_is_slower_by_a_little_on_every_host_is_found_by_its_hosts_together()
    {
        HashSet<(int, int)> all = [.. Enumerable.Range(0, Hosts).Select(h => (h, 2))];
        (IReadOnlyList<NightComparison> comparisons, _) = Play(7, all, factor: 1.12);
        Assert.Contains(comparisons, c => c is { IsRegression: true, Host: null, Scenario: "s2", Quantity: "latency p50 all" });
        Assert.DoesNotContain(comparisons, c => c.IsRegression && c.Scenario != "s2");
    }

    [Fact]
    public void A_finding_of_a_kind_that_the_baseline_lacks_is_a_regression_and_without_a_baseline_is_none()
    {
        const string kind = "kind violation: INV-31 NO_SPURIOUS_EFAULT in current";
        DateOnly night = s_first.AddDays(3);
        List<CaptureStat> stats = [.. Enumerable.Range(0, 12).Select(i => new CaptureStat($"t{i}", s_first.AddDays(i / 3), "h", "c", "k", "s", "lost", 0))];
        stats.Add(new CaptureStat("t11", night, "h", "c", "k", "s", kind, 2));
        NightComparison alarm = Assert.Single(NightComparer.Compare(stats, night, [s_first, s_first.AddDays(1), s_first.AddDays(2)]).Comparisons, c => c.IsRegression);
        Assert.Equal((NightVerdict.NewKind, kind["kind ".Length..], 2.0), (alarm.Verdict, alarm.Quantity, alarm.Tonight));
        Assert.DoesNotContain(NightComparer.Compare(stats, night, [s_first.AddDays(2)]).Comparisons, c => c.IsRegression);
    }

    private static (IReadOnlyList<NightComparison> Comparisons, int Tests) Play(int seed, HashSet<(int Host, int Scenario)> planted, double factor = 1, double refused = 0)
    {
        Random random = new(seed);
        double[] hosts = [.. Enumerable.Range(0, Hosts).Select(_ => Normal() * 0.3)];
        List<CaptureStat> stats = [];
        for (int night = 0; night < Nights; night++)
        {
            double[] weather = [.. Enumerable.Range(0, Hosts).Select(_ => Normal() * 0.02)];
            for (int host = 0; host < Hosts; host++)
            {
                for (int capture = 0; capture < Scenarios * Captures; capture++)
                {
                    int scenario = capture % Scenarios;
                    bool hit = night == Nights - 1 && planted.Contains((host, scenario));
                    double p50 = 4000 * (scenario + 1) * Math.Exp(hosts[host] + weather[host] + (Normal() * 0.08)) * (hit ? factor : 1);
                    double efault = 0.1 + (Normal() * 0.004) + (hit ? refused : 0);
                    foreach ((string quantity, double value) in new[] { ("latency p50 all", p50), ("latency p99 all", p50 * 3 * Math.Exp(Normal() * 0.2)), ("outcome EFAULT", efault), ("outcome FIXED", 1 - efault), ("fidelity outcome", 1), ("lost", 0) })
                    {
                        stats.Add(new CaptureStat($"{night}-{host}-{capture}", s_first.AddDays(night), $"h{host}", "c", "k", $"s{scenario}", quantity, value));
                    }
                }
            }
        }

        return NightComparer.Compare(stats, s_first.AddDays(Nights - 1), [.. Enumerable.Range(0, Nights - 1).Select(s_first.AddDays)]);

        // Box and Muller.
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
