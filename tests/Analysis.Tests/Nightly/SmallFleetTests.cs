using System.Globalization;
using TraceReplay.Analysis.Nightly;
using TraceReplay.Analysis.Summary;
using Xunit;

namespace TraceReplay.Analysis.Tests.Nightly;

/// <summary>
/// Fleets of 1, 4 and 40 hosts with three scenarios and one capture of each a night: a regression is found, or named as one that cannot
/// be judged, and never called quiet; quiet nights raise next to no alarm. Standard deviations of the logarithm: hosts 0.3, nights 0.04,
/// captures 0.08.
/// </summary>
public class SmallFleetTests
{
    private const int Scenarios = 3;
    private const int Nights = 11;
    private static readonly DateOnly s_first = new(2026, 11, 1);

    [Fact]
    public void A_hundred_quiet_nights_of_each_fleet_raise_one_alarm_at_most()
    {
        int alarms = 0;
        foreach (int hosts in (int[])[1, 4, 40])
        {
            for (int seed = 1; seed <= 100; seed++)
            {
                alarms += Play(hosts, seed, null, 1, 0).IsRegression ? 1 : 0;
            }
        }

        Assert.True(alarms <= 1, $"{alarms} of 300 nights");
    }

    /// <summary>One host of the fleet is twice as slow in one scenario, or refuses three points more of its faults there.</summary>
    [Theory]
    [InlineData(1, 2, 0)]
    [InlineData(4, 2, 0)]
    [InlineData(40, 2, 0)]
    [InlineData(1, 1, 0.03)]
    [InlineData(4, 1, 0.03)]
    [InlineData(40, 1, 0.03)]
    public void A_regression_of_one_host_is_found_or_named_and_never_quiet(int hosts, double factor, double refused)
    {
        int found = 0;
        for (int seed = 201; seed <= 220; seed++)
        {
            (int host, int scenario) = (seed % hosts, seed % Scenarios);
            NightReport report = Play(hosts, seed, (host, scenario), factor, refused);
            bool isFound = report.Regressions.Any(c => c.Group.Scenario == $"s{scenario}" && (c.Host is null || c.Host == $"h{host}"));
            bool isNamed = report.Unjudged.Any(c => c.Group.Scenario == $"s{scenario}" && (c.Host is null || c.Host == $"h{host}") && c.IsLatency == factor > 1);
            Assert.True(isFound || isNamed, $"{hosts} hosts, seed {seed}: {report.Verdict}");
            Assert.NotEqual("quiet", report.Verdict);
            Assert.DoesNotContain(report.Regressions, c => c.Group.Scenario != $"s{scenario}" || (c.Host is not null && c.Host != $"h{host}"));
            found += isFound ? 1 : 0;
        }

        // Ten nights of one host bound what its spread can tell; what they cannot is named.
        Assert.True(found >= (hosts == 1 ? 5 : 15), $"{found} of 20 found");
    }

    [Fact]
    public void One_machine_whose_every_latency_doubled_is_found_by_weaker_evidence_that_says_so()
    {
        NightReport report = Play(1, 7, null, 2, 0, everywhere: true);
        Assert.Equal("regression", report.Verdict);
        Assert.Equal(Scenarios, report.Regressions.Select(c => c.Group.Scenario).Distinct().Count());
        Assert.All(report.Regressions, c => Assert.Contains("weaker evidence", NightText.Line(c), StringComparison.Ordinal));
    }

    [Fact]
    public void Metrics_say_in_which_group_and_that_the_others_have_none()
    {
        NightReport report = Play(40, 203, (3, 1), 2, 0);
        Dictionary<string, int> groups = PrometheusText.Text(report).Split('\n').Where(l => l.StartsWith("tracereplay_night_group_regressions{", StringComparison.Ordinal))
            .ToDictionary(l => l.Split('"')[3], l => int.Parse(l.Split(' ')[^1], CultureInfo.InvariantCulture));
        Assert.Equal(Scenarios, groups.Count);
        Assert.True(groups["s1"] > 0);
        Assert.Equal(report.Regressions.Count(), groups.Values.Sum());
        Assert.All(groups, g => Assert.Equal(report.Regressions.Count(c => c.Group.Scenario == g.Key), g.Value));
    }

    [Fact]
    public void A_night_without_enough_before_it_says_what_is_missing()
    {
        NightReport report = Play(1, 7, null, 2, 0, everywhere: true, nights: 3);
        Assert.Equal("no verdict yet", report.Verdict);
        Assert.Equal(0, report.Judged);
        Assert.Contains($"0 of {report.Quantities} quantities could be judged", NightText.Headline(report), StringComparison.Ordinal);
        Comparison first = report.Unjudged.First();
        Assert.True(first.IsLatency && first.Effect > 1.5, NightText.Line(first));
        Assert.Contains("needs 4 nights before", NightText.Needs(first), StringComparison.Ordinal);
    }

    /// <summary>The fastest change of a fleet is that of its clock: times of different clocks are not compared, cycles are no ns.</summary>
    [Fact]
    public void Captures_of_different_clocks_are_not_compared_and_cycles_are_no_ns()
    {
        List<CaptureStats> before = [.. Enumerable.Range(0, 10).Select(n => Timed(n, "mono", "ns", 5000))];
        CaptureStats tonight = Timed(10, "x86-tsc", "cycles", 50_000);
        IReadOnlyList<Comparison> comparisons = NightComparison.Compare([tonight], before);
        Assert.DoesNotContain(comparisons, c => c.Verdict is Verdict.Regression or Verdict.Suspected);
        Comparison cycles = Assert.Single(comparisons, c => c.Metric == "latency_cycles");
        Assert.Equal((Verdict.NotYet, 0), (cycles.Verdict, cycles.BaselineUnits));

        List<CaptureStats> boot = [.. Enumerable.Range(0, 10).Select(n => Timed(n, "boot", "ns", 500))];
        Comparison mono = Assert.Single(NightComparison.Compare([Timed(10, "mono", "ns", 5000)], boot), c => c.Metric == "latency_ns");
        Assert.Equal((Verdict.NotYet, 0, "mono"), (mono.Verdict, mono.BaselineUnits, mono.Clock));

        Comparison slower = NightComparison.Compare([Timed(10, "x86-tsc", "cycles", 90_000)], [.. Enumerable.Range(0, 10).Select(n => Timed(n, "x86-tsc", "cycles", 30_000 + (n * 100)))])[0];
        Assert.Equal(Verdict.Suspected, slower.Verdict);
        Assert.Contains("cycles)", NightText.Effect(slower), StringComparison.Ordinal);
        Assert.DoesNotContain("µs", NightText.Effect(slower), StringComparison.Ordinal);

        static CaptureStats Timed(int night, string clock, string unit, double p50)
        {
            CaptureStats capture = new($"{night}", s_first.AddDays(night), "h", new NightGroup("c", "s", "6.12"), clock);
            capture.Add("faults", "count", 1000, 1000);
            capture.Add("latency_" + unit, "p50", p50, 1000);
            return capture;
        }
    }

    private static NightReport Play(int hosts, int seed, (int Host, int Scenario)? planted, double factor, double refused, bool everywhere = false, int nights = Nights)
    {
        ILookup<bool, CaptureStats> captures = Fleet(hosts, seed, planted, factor, refused, everywhere, nights).ToLookup(c => c.Date == s_first.AddDays(nights - 1));
        (IReadOnlyList<Comparison> comparisons, int quantities, int judged) = NightComparison.CompareAll([.. captures[true]], [.. captures[false]]);
        return new NightReport
        {
            Night = s_first.AddDays(nights - 1),
            Captures = hosts * Scenarios,
            Hosts = hosts,
            Faults = 0,
            Events = 0,
            Lost = 0,
            Outcomes = new FidelityLine("", null, FidelityLine.Outcome),
            Missed = 0,
            BaselineNights = [.. Enumerable.Range(0, nights - 1).Select(s_first.AddDays)],
            BaselineCaptures = hosts * Scenarios * (nights - 1),
            Level = NightComparison.Level,
            Comparisons = comparisons,
            NewKinds = [],
            Failures = [],
            Quantities = quantities,
            Judged = judged,
        };
    }

    private static IEnumerable<CaptureStats> Fleet(int hosts, int seed, (int Host, int Scenario)? planted, double factor, double refused, bool everywhere, int nights)
    {
        Random random = new(seed);
        double[] own = [.. Enumerable.Range(0, hosts).Select(_ => Normal() * 0.3)];
        for (int night = 0; night < nights; night++)
        {
            for (int host = 0; host < hosts; host++)
            {
                double weather = Normal() * 0.04;
                for (int scenario = 0; scenario < Scenarios; scenario++)
                {
                    bool hit = night == nights - 1 && (everywhere || planted == (host, scenario));
                    double p50 = 4000 * (scenario + 1) * Math.Exp(own[host] + weather + (Normal() * 0.08)) * (hit ? factor : 1);
                    double efault = Math.Clamp((scenario * 0.05) + (scenario == 0 ? 0 : Normal() * 0.003) + (hit ? refused : 0), 0, 1);
                    CaptureStats capture = new(string.Create(CultureInfo.InvariantCulture, $"{night}-{host}-{scenario}"), s_first.AddDays(night), $"h{host}", new NightGroup("c", $"s{scenario}", "6.12"), "mono");
                    capture.Add("faults", "count", 2000, 2000);
                    capture.Add("latency_ns", "p50", p50, 2000);
                    capture.Add("latency_ns", "p99", p50 * 3 * Math.Exp(Normal() * 0.2), 2000);
                    capture.Add("outcome", "EFAULT", efault, 2000);
                    capture.Add("outcome", "FIXED", 1 - efault, 2000);
                    capture.Add("lost", "records", 0, 2000);
                    yield return capture;
                }
            }
        }

        // Box and Muller.
        double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
