using System.Globalization;
using TraceReplay.Analysis.Nightly;
using Xunit;

namespace TraceReplay.Analysis.Tests.Nightly;

/// <summary>
/// Nights of a made fleet: 40 hosts, 4 scenarios, 5 captures of each, 15 nights. Hosts, nights and captures have latencies of their own
/// (standard deviations of their logarithms 30 %, 2 % and 8 %). Quiet nights must be quiet, planted regressions found.
/// </summary>
public class NightComparisonTests
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
            IReadOnlyList<Comparison> comparisons = Play(seed, []);
            Assert.True(comparisons.Count(c => c.P is not null) > Hosts * Scenarios);
            alarms += comparisons.Count(c => c.Verdict == Verdict.Regression);
        }

        Assert.Equal(0, alarms);
    }

    /// <summary>Captures of one night that resemble each other must not count as so many independent witnesses.</summary>
    [Fact]
    public void Nights_with_weather_of_their_own_raise_no_alarm()
    {
        int alarms = Enumerable.Range(1, 20).Sum(seed => Play(seed, [], weather: 0.08).Count(c => c.Verdict == Verdict.Regression && c.Host is not null));
        Assert.Equal(0, alarms);
    }

    /// <summary>Five hosts' runs of one scenario (3 % of 160) are slower by 40 %, or refuse 3 % more of their faults.</summary>
    [Theory]
    [InlineData(1.4, 0)]
    [InlineData(1, 0.03)]
    public void Planted_regressions_are_found_and_nothing_else(double factor, double refused)
    {
        int planted = 0, found = 0, others = 0;
        for (int seed = 101; seed <= 108; seed++)
        {
            HashSet<(int Host, int Scenario)> where = [.. Enumerable.Range(0, 5).Select(i => ((seed + (i * 7)) % Hosts, (seed + i) % Scenarios))];
            HashSet<(int, int)> alarms =
            [
                .. Play(seed, where, factor, refused).Where(c => c.Verdict == Verdict.Regression && c.Host is not null)
                    .Select(c => (Number(c.Host!), Number(c.Group.Scenario))),
            ];
            planted += where.Count;
            found += where.Count(alarms.Contains);
            others += alarms.Count(a => !where.Contains(a));
        }

        Assert.True(found >= 0.95 * planted, $"{found} of {planted} found");
        Assert.Equal(0, others);
    }

    [Fact]
    public void A_scenario_that_is_slower_on_every_host_is_found_for_the_class()
    {
        IReadOnlyList<Comparison> comparisons = Play(7, [.. Enumerable.Range(0, Hosts).Select(h => (h, 2))], factor: 1.5);
        Assert.Contains(comparisons, c => c is { Verdict: Verdict.Regression, Host: null, Group.Scenario: "s2", Metric: "latency_ns", Key: "p50" });
        Assert.DoesNotContain(comparisons, c => c.Verdict == Verdict.Regression && c.Group.Scenario != "s2");
    }

    [Fact]
    public void What_becomes_faster_is_no_regression()
    {
        IReadOnlyList<Comparison> comparisons = Play(7, [.. Enumerable.Range(0, Hosts).Select(h => (h, 2))], factor: 0.5);
        Assert.DoesNotContain(comparisons, c => c.Verdict == Verdict.Regression);
    }

    [Fact]
    public void Without_a_baseline_there_is_no_verdict()
    {
        List<CaptureStats> tonight = [.. Fleet(1, [], 1, 0, 0.02).Where(c => c.Date == s_first)];
        Assert.All(NightComparison.Compare(tonight, []), c => Assert.Equal((Verdict.NotYet, (double?)null), (c.Verdict, c.P)));
        Assert.Empty(NightComparison.FindNewKinds(tonight, []));
    }

    [Fact]
    public void A_kind_that_no_earlier_night_had_is_a_regression_by_itself()
    {
        List<CaptureStats> before = [.. Enumerable.Range(0, 10).Select(i => Capture($"old{i}", s_first.AddDays(i), "h", "s"))];
        before[3].Add("violation", "current INV-07 SEEN", 0.1, 10);
        CaptureStats tonight = Capture("new", s_first.AddDays(10), "h", "s");
        tonight.Add("violation", "current INV-07 SEEN", 0.1, 10);
        tonight.Add("violation", "current INV-31 UNSEEN", 0.1, 10);
        Assert.Equal(new NewKind("violation", "current INV-31 UNSEEN", 1, "new"), Assert.Single(NightComparison.FindNewKinds([tonight], before)));
        Assert.Empty(NightComparison.FindNewKinds([tonight], [.. before.Take(4)]));
    }

    /// <summary>Captures that tell less miss less: what fidelity does not cover must not fall silently.</summary>
    [Fact]
    public void A_night_of_which_fidelity_covers_less_is_a_regression_and_nights_that_do_not_say_are_no_baseline()
    {
        List<CaptureStats> before = [.. from night in Enumerable.Range(0, 10) from host in Enumerable.Range(0, 6) select Covered($"{night}-{host}", night, host, 0)];
        List<CaptureStats> tonight = [.. Enumerable.Range(0, 6).Select(host => Covered($"10-{host}", 10, host, 0.5))];
        Comparison worse = Assert.Single(NightComparison.Compare(tonight, before), c => c.Metric == "uncovered");
        Assert.Equal((Verdict.Regression, 0.5), (worse.Verdict, worse.Effect));
        Assert.Equal("share of faults that the fidelity of current does not cover", NightText.Quantity(worse));

        List<CaptureStats> silent = [.. from night in Enumerable.Range(0, 10) from host in Enumerable.Range(0, 6) select Capture($"{night}-{host}", s_first.AddDays(night), $"h{host}", "s")];
        Assert.Equal(Verdict.NotYet, Assert.Single(NightComparison.Compare(tonight, silent), c => c.Metric == "uncovered").Verdict);

        static CaptureStats Covered(string id, int night, int host, double share)
        {
            CaptureStats capture = Capture(id, s_first.AddDays(night), $"h{host}", "s");
            capture.Add("uncovered", "current", share, 1000);
            return capture;
        }
    }

    private static int Number(string name) => int.Parse(name[1..], CultureInfo.InvariantCulture);

    private static IReadOnlyList<Comparison> Play(int seed, HashSet<(int Host, int Scenario)> planted, double factor = 1, double refused = 0, double weather = 0.02)
    {
        ILookup<bool, CaptureStats> captures = Fleet(seed, planted, factor, refused, weather).ToLookup(c => c.Date == s_first.AddDays(Nights - 1));
        return NightComparison.Compare([.. captures[true]], [.. captures[false]]);
    }

    private static CaptureStats Capture(string id, DateOnly date, string host, string scenario)
    {
        CaptureStats capture = new(id, date, host, new NightGroup("c", scenario, "6.12"));
        capture.Add("faults", "count", 1000, 1000);
        return capture;
    }

    private static IEnumerable<CaptureStats> Fleet(int seed, HashSet<(int Host, int Scenario)> planted, double factor, double refused, double spread)
    {
        Random random = new(seed);
        double[] hosts = [.. Enumerable.Range(0, Hosts).Select(_ => Normal() * 0.3)];
        for (int night = 0; night < Nights; night++)
        {
            double[] weather = [.. Enumerable.Range(0, Hosts).Select(_ => Normal() * spread)];
            for (int host = 0; host < Hosts; host++)
            {
                for (int n = 0; n < Scenarios * Captures; n++)
                {
                    int scenario = n % Scenarios;
                    bool hit = night == Nights - 1 && planted.Contains((host, scenario));
                    double p50 = 4000 * (scenario + 1) * Math.Exp(hosts[host] + weather[host] + (Normal() * 0.08)) * (hit ? factor : 1);
                    double efault = Math.Clamp(0.1 + (Normal() * 0.004) + (hit ? refused : 0), 0, 1);
                    CaptureStats capture = Capture($"{night}-{host}-{n}", s_first.AddDays(night), $"h{host}", $"s{scenario}");
                    capture.Add("latency_ns", "p50", p50, 1000);
                    capture.Add("latency_ns", "p99", p50 * 3 * Math.Exp(Normal() * 0.2), 1000);
                    capture.Add("outcome", "EFAULT", efault, 1000);
                    capture.Add("outcome", "FIXED", 1 - efault, 1000);
                    capture.Add("lost", "records", 0, 1000);
                    yield return capture;
                }
            }
        }

        // Box and Muller.
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
