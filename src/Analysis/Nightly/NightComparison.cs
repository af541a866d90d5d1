using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// Compares a night with the nights before. The unit is a host's night, not a fault: the faults of a capture, and the captures of a host
/// in one night, resemble each other, and counting them singly would find significance in noise.
/// </summary>
public static class NightComparison
{
    /// <summary>Chance of any false alarm in a quiet night; Holm's correction keeps it over all comparisons.</summary>
    public const double Level = 0.01;

    /// <summary>Captures before which nothing is a regression, not even a kind never seen.</summary>
    private const int LeastBaseline = 8;

    private static readonly HashSet<string> s_goodOutcomes = ["FIXED", "FIXED_FAST"];

    /// <param name="date">The night; null = the newest that has captures.</param>
    /// <param name="baselineNights">Earlier nights at most.</param>
    /// <returns>null if the dataset has no capture that came by a night.</returns>
    public static NightReport? Run(DatasetSession session, DateOnly? date, int baselineNights, Func<DateOnly, IReadOnlyList<string>> failures)
    {
        List<DateOnly> nights = session.Select(
            "SELECT DISTINCT t.date FROM traces t WHERE trace_id IN (SELECT trace_id FROM night_stats) ORDER BY 1 DESC",
            r => DateOnly.FromDateTime(r.GetDateTime(0)));
        if (nights.Count == 0)
        {
            return null;
        }

        DateOnly night = date ?? nights[0];
        List<DateOnly> earlier = [.. nights.Where(d => d < night).Take(baselineNights)];
        IReadOnlyList<CaptureStats> all = CaptureStats.Read(session, earlier.Count > 0 ? earlier[^1] : night, night);
        List<CaptureStats> tonight = [.. all.Where(c => c.Date == night)];
        List<CaptureStats> before = [.. all.Where(c => c.Date < night)];
        (long events, long lost, long compared, long unexplained) = Totals(session, night);
        return new NightReport
        {
            Night = night,
            Captures = tonight.Count,
            Hosts = tonight.Select(c => c.Host).Distinct().Count(),
            Faults = tonight.Sum(c => c.Faults),
            Events = events,
            Lost = lost,
            Compared = compared,
            Unexplained = unexplained,
            BaselineNights = [.. earlier.Order()],
            BaselineCaptures = before.Count,
            Level = Level,
            Comparisons = Compare(tonight, before),
            NewKinds = FindNewKinds(tonight, before),
            Failures = failures(night),
        };
    }

    internal static IReadOnlyList<Comparison> Compare(IReadOnlyList<CaptureStats> tonight, IReadOnlyList<CaptureStats> before)
    {
        ILookup<NightGroup, CaptureStats> baseline = before.ToLookup(c => c.Group);
        List<Comparison> raw = [];
        foreach (IGrouping<NightGroup, CaptureStats> group in tonight.GroupBy(c => c.Group))
        {
            List<CaptureStats> old = [.. baseline[group.Key]];
            foreach ((string metric, string key) in group.Concat(old).SelectMany(c => c.Keys).Distinct().Where(IsCompared))
            {
                raw.Add(One(group.Key, metric, key, [.. group], old));
            }
        }

        return Holm(raw);
    }

    internal static IReadOnlyList<NewKind> FindNewKinds(IReadOnlyList<CaptureStats> tonight, IReadOnlyList<CaptureStats> before)
    {
        if (before.Count < LeastBaseline)
        {
            return [];
        }

        HashSet<(string, string)> known = [.. before.SelectMany(c => c.Keys)];
        return
        [
            .. tonight.SelectMany(c => c.Keys.Where(k => IsKind(k.Metric) && !known.Contains(k)).Select(k => (k.Metric, k.Key, c.TraceId)))
                .GroupBy(k => (k.Metric, k.Key))
                .Select(g => new NewKind(g.Key.Metric, g.Key.Key, g.Count(), g.Min(k => k.TraceId)!))
                .OrderBy(k => k.Metric, StringComparer.Ordinal).ThenBy(k => k.Kind, StringComparer.Ordinal),
        ];
    }

    private static bool IsKind(string metric) => metric is "divergence" or "violation" or "infidelity";

    // A fall of the good outcomes shows as a rise of others.
    private static bool IsCompared((string Metric, string Key) k) => k.Metric != "faults" && !(k.Metric == "outcome" && s_goodOutcomes.Contains(k.Key));

    private static Comparison One(NightGroup group, string metric, string key, IReadOnlyList<CaptureStats> tonight, IReadOnlyList<CaptureStats> before)
    {
        List<double> sample = HostNights(tonight, metric, key);
        List<double> old = HostNights(before, metric, key);
        bool latency = metric == "latency_ns";
        double now = latency ? Math.Exp(Median(sample)) : Mean(sample);
        double then = latency ? Math.Exp(Median(old)) : Mean(old);
        double? p = sample.Count == 0 || old.Count < LeastBaseline ? null : RankTest.GreaterP(sample, old);
        return new Comparison(group, metric, key, now, then, latency ? now / then : now - then, sample.Count, old.Count, p, null, Verdict.NotYet);
    }

    /// <summary>One value for each host and night: the mean over its captures, of logarithms where ratios count.</summary>
    private static List<double> HostNights(IReadOnlyList<CaptureStats> captures, string metric, string key) =>
    [
        .. captures.Select(c => (c.Date, c.Host, Value: c.Value(metric, key)))
            .Where(c => c.Value is not null)
            .GroupBy(c => (c.Date, c.Host))
            .Select(g => g.Average(c => metric == "latency_ns" ? Math.Log(c.Value!.Value) : c.Value!.Value)),
    ];

    private static IReadOnlyList<Comparison> Holm(List<Comparison> raw)
    {
        List<Comparison> tested = [.. raw.Where(c => c.P is not null).OrderBy(c => c.P)];
        List<Comparison> result = [.. raw.Where(c => c.P is null)];
        double corrected = 0;
        for (int i = 0; i < tested.Count; i++)
        {
            Comparison c = tested[i];
            corrected = Math.Max(corrected, Math.Min(1, (tested.Count - i) * c.P!.Value));

            // Samples so small that not even the worst case would be significant cannot be called quiet.
            bool able = tested.Count * RankTest.SmallestP(c.Units, c.BaselineUnits) < Level;
            bool worse = corrected < Level && Math.Abs(c.Effect) >= LeastEffect(c.Metric);
            result.Add(c with { CorrectedP = corrected, Verdict = worse ? Verdict.Regression : able ? Verdict.Quiet : Verdict.NotYet });
        }

        return
        [
            .. result.OrderByDescending(c => c.Verdict == Verdict.Regression)
                .ThenBy(c => c.CorrectedP ?? 2)
                .ThenBy(c => c.Group.ToString(), StringComparer.Ordinal)
                .ThenBy(c => c.Metric, StringComparer.Ordinal)
                .ThenBy(c => c.Key, StringComparer.Ordinal),
        ];
    }

    /// <summary>What a change must come to before a significant one is a regression: of latencies a ratio, of shares a difference.</summary>
    internal static double LeastEffect(string metric) => metric switch
    {
        "latency_ns" => 1.1,
        "lost" => 0.001,
        "infidelity" or "violation" => 0.001,
        _ => 0.01,
    };

    private static double Mean(List<double> values) => values.Count == 0 ? 0 : values.Average();

    private static double Median(List<double> values)
    {
        if (values.Count == 0)
        {
            return double.NaN;
        }

        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static (long Events, long Lost, long Compared, long Unexplained) Totals(DatasetSession session, DateOnly night)
    {
        (string, object) date = ("night", night.ToDateTime(TimeOnly.MinValue));
        (long events, long lost) = session.Select(
            "SELECT coalesce(sum(events), 0)::BIGINT, coalesce(sum(lost), 0)::BIGINT FROM traces WHERE date = $night::DATE",
            r => (r.GetInt64(0), r.GetInt64(1)),
            date)[0];
        (long compared, long unexplained) = session.Select(
            "SELECT coalesce(sum(compared), 0)::BIGINT, coalesce(sum(unexplained), 0)::BIGINT FROM fidelity WHERE trace_id IN (SELECT trace_id FROM traces WHERE date = $night::DATE)",
            r => (r.GetInt64(0), r.GetInt64(1)),
            date)[0];
        return (events, lost, compared, unexplained);
    }
}
