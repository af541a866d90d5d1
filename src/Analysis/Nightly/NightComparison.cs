using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// Compares a night with the nights before: a class of hosts by one value for each host and night, and each host by its captures against
/// its own past. Never by faults: those of a capture resemble each other, and counting them singly would find significance in noise. As
/// the captures of a night resemble each other too, a host is worse only if tonight is also far out among its nights
/// (<see cref="NightSpread"/>).
/// </summary>
public static class NightComparison
{
    /// <summary>Chance of any false alarm in a quiet night; Holm's correction keeps it over all comparisons.</summary>
    public const double Level = 0.01;

    /// <summary>Captures before which nothing is a regression, not even a kind never seen.</summary>
    private const int LeastBaseline = 8;

    private const int LeastHostCaptures = 3;
    private const int LeastHostBaseline = 6;
    private const int LeastHostNights = 3;

    private static readonly HashSet<string> s_goodOutcomes = ["FIXED", "FIXED_FAST"];

    /// <param name="date">The night; null = the newest that has captures.</param>
    /// <param name="baselineNights">Earlier nights at most.</param>
    /// <param name="failures">Captures that failed after the first date and up to the second; null = no bound.</param>
    /// <returns>null if the dataset has no capture that came by a night.</returns>
    public static NightReport? Run(DatasetSession session, DateOnly? date, int baselineNights, Func<DateOnly?, DateOnly?, IReadOnlyList<string>> failures)
    {
        List<DateOnly> nights = session.Select(
            "SELECT DISTINCT t.date FROM traces t WHERE trace_id IN (SELECT trace_id FROM night_stats) ORDER BY 1 DESC",
            r => DateOnly.FromDateTime(r.GetDateTime(0)));
        if (nights.Count == 0)
        {
            return null;
        }

        // A capture that is dated in the future is no reason to report no night before that.
        DateOnly tomorrow = DateOnly.FromDateTime(DateTime.UtcNow).AddDays(1);
        DateOnly night = date ?? nights.Find(d => d <= tomorrow);
        night = night == default ? nights[0] : night;
        List<DateOnly> earlier = [.. nights.Where(d => d < night).Take(baselineNights)];
        IReadOnlyList<CaptureStats> all = CaptureStats.Read(session, earlier.Count > 0 ? earlier[^1] : night, night);
        List<CaptureStats> tonight = [.. all.Where(c => c.Date == night)];
        List<CaptureStats> before = [.. all.Where(c => c.Date < night)];
        (IReadOnlyList<Comparison> comparisons, int quantities, int judged) = CompareAll(tonight, before);
        (long events, long lost, FidelityLine outcomes, long missed) = Totals(session, night);
        NightReport report = new()
        {
            Night = night,
            Dataset = session.Dataset,
            Captures = tonight.Count,
            Hosts = tonight.Select(c => c.Host).Distinct().Count(),
            Faults = tonight.Sum(c => c.Faults),
            Events = events,
            Lost = lost,
            Outcomes = outcomes,
            Missed = missed,
            BaselineNights = [.. earlier.Order()],
            BaselineCaptures = before.Count,
            Level = Level,
            Comparisons = comparisons,
            Quantities = quantities,
            Judged = judged,
            NewKinds = FindNewKinds(tonight, before),
            Findings = NightFindings.Read(session, night),
            Failures = failures(earlier.Count > 0 ? earlier[0] : null, night >= nights[0] ? null : night),
            EachHost = NightHosts.Of(tonight, before),
        };
        return new NightLeads(session, night, tonight).Complete(report);
    }

    private static bool IsLatency(string metric) => metric.StartsWith(CaptureStats.Latency, StringComparison.Ordinal);

    internal static IReadOnlyList<Comparison> Compare(IReadOnlyList<CaptureStats> tonight, IReadOnlyList<CaptureStats> before) =>
        CompareAll(tonight, before).Comparisons;

    /// <summary>The comparisons worth a line, and how many quantities there were and could be judged.</summary>
    internal static (IReadOnlyList<Comparison> Comparisons, int Quantities, int Judged) CompareAll(IReadOnlyList<CaptureStats> tonight, IReadOnlyList<CaptureStats> before)
    {
        ILookup<NightGroup, CaptureStats> baseline = before.ToLookup(c => c.Group);
        List<Comparison> raw = [];
        List<WeakComparison.Candidate> candidates = [];
        foreach (IGrouping<NightGroup, CaptureStats> group in tonight.GroupBy(c => c.Group))
        {
            List<CaptureStats> old = [.. baseline[group.Key]];
            foreach ((string metric, string key) in group.Concat(old).SelectMany(c => c.Keys).Distinct().Where(IsCompared))
            {
                foreach ((string? clock, List<CaptureStats> now, List<CaptureStats> then) in ByClock(metric, [.. group], old))
                {
                    raw.Add(OfClass(group.Key, metric, key, now, then) with { Clock = clock });
                    ILookup<string, CaptureStats> oldOf = then.ToLookup(c => c.Host);
                    NightSpread spread = NightSpread.Of(oldOf.Select(h => NightMedians(h, metric, key)));
                    foreach (IGrouping<string, CaptureStats> host in now.GroupBy(c => c.Host))
                    {
                        List<double> sample = [.. host.Select(c => Value(c, metric, key)).OfType<double>()];
                        if (sample.Count == 0)
                        {
                            continue;
                        }

                        List<double> nights = NightMedians(oldOf[host.Key], metric, key);
                        Comparison alike = Of(group.Key, host.Key, metric, key, sample, nights, null) with { Clock = clock };
                        candidates.Add(new WeakComparison.Candidate(alike, Median(sample), nights, spread, host.Concat(oldOf[host.Key]).Average(c => (double)c.Count(metric, key))));
                        if (OfHost(group.Key, host.Key, metric, key, [.. host], oldOf[host.Key], spread) is { } comparison)
                        {
                            raw.Add(comparison with { Clock = clock });
                        }
                    }
                }
            }
        }

        List<Comparison> ranked = [.. Holm(raw)];
        HashSet<(NightGroup, string?, string?, string, string)> judged = [.. ranked.Where(c => c.Verdict != Verdict.NotYet).Select(Quantity)];
        List<Comparison> weak = WeakComparison.Judge([.. candidates.Where(c => !judged.Contains(Quantity(c.Comparison)))]);
        return WeakComparison.Merge(ranked, weak, c => [.. ByNight(c, baseline[c.Group].Concat(tonight.Where(t => t.Group == c.Group)))]);
    }

    internal static (NightGroup Group, string? Host, string? Clock, string Metric, string Key) Quantity(Comparison c) => (c.Group, c.Host, c.Clock, c.Metric, c.Key);

    /// <summary>Times of different clocks are no times of each other: latencies of each are compared among themselves.</summary>
    private static IEnumerable<(string? Clock, List<CaptureStats> Now, List<CaptureStats> Then)> ByClock(string metric, List<CaptureStats> tonight, List<CaptureStats> before)
    {
        if (!IsLatency(metric) || tonight.Concat(before).Select(c => c.Clock).Distinct().Count() < 2)
        {
            return [(null, tonight, before)];
        }

        return tonight.GroupBy(c => c.Clock).Select(g => ((string?)(g.Key ?? "unknown"), g.ToList(), before.Where(c => c.Clock == g.Key).ToList()));
    }

    private static IEnumerable<(DateOnly Night, double Value)> ByNight(Comparison c, IEnumerable<CaptureStats> captures) =>
        captures.Where(capture => (c.Host is null || capture.Host == c.Host) && (c.Clock is null || (capture.Clock ?? "unknown") == c.Clock))
            .Select(capture => (capture.Date, Value: capture.Value(c.Metric, c.Key)))
            .Where(capture => capture.Value is not null)
            .GroupBy(capture => capture.Date)
            .OrderBy(night => night.Key)
            .Select(night => (night.Key, c.IsLatency ? Median([.. night.Select(v => v.Value!.Value)]) : night.Average(v => v.Value!.Value)));

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

    private static bool IsKind(string metric) => metric is "divergence" or "violation" or "infidelity" or NightFindings.Metric;

    // A fall of the good outcomes shows as a rise of others.
    private static bool IsCompared((string Metric, string Key) k) => k.Metric is not "faults" and not NightFindings.Metric && !(k.Metric == "outcome" && s_goodOutcomes.Contains(k.Key));

    private static Comparison OfClass(NightGroup group, string metric, string key, IReadOnlyList<CaptureStats> tonight, IReadOnlyList<CaptureStats> before)
    {
        List<double> sample = HostNights(tonight, metric, key);
        List<double> old = HostNights(before, metric, key);
        double? p = sample.Count == 0 || old.Count < LeastBaseline || !Varies(sample, old) ? null : RankTest.GreaterP(sample, old);
        Comparison comparison = Of(group, null, metric, key, sample, old, p);

        // What never varies can be called quiet without a test.
        return p is null && sample.Count > 0 && old.Count >= LeastBaseline ? comparison with { Verdict = Verdict.Quiet } : comparison;
    }

    /// <returns>null where the host has too few captures, or all are alike: with thousands of hosts that is not worth a line.</returns>
    private static Comparison? OfHost(NightGroup group, string host, string metric, string key, IReadOnlyList<CaptureStats> tonight, IEnumerable<CaptureStats> before, NightSpread spread)
    {
        List<double> sample = [.. tonight.Select(c => Value(c, metric, key)).OfType<double>()];
        List<double> nights = NightMedians(before, metric, key);
        List<double> old = [.. before.Select(c => Value(c, metric, key)).OfType<double>()];
        if (sample.Count < LeastHostCaptures || old.Count < LeastHostBaseline || nights.Count < LeastHostNights || !Varies(sample, old))
        {
            return null;
        }

        double p = Math.Max(RankTest.GreaterP(sample, old), spread.GreaterP(Median(sample), nights));
        return Of(group, host, metric, key, sample, old, p);
    }

    /// <summary>One value for each night of a host.</summary>
    private static List<double> NightMedians(IEnumerable<CaptureStats> captures, string metric, string key) =>
    [
        .. captures.Select(c => (c.Date, Value: Value(c, metric, key)))
            .Where(c => c.Value is not null)
            .GroupBy(c => c.Date)
            .Select(g => Median([.. g.Select(c => c.Value!.Value)])),
    ];

    private static Comparison Of(NightGroup group, string? host, string metric, string key, List<double> sample, List<double> old, double? p)
    {
        bool latency = IsLatency(metric);
        double now = latency ? Math.Exp(Median(sample)) : Mean(sample);
        double then = latency ? Math.Exp(Median(old)) : Mean(old);
        return new Comparison(group, host, metric, key, now, then, latency ? now / then : now - then, sample.Count, old.Count, p, null, Verdict.NotYet);
    }

    private static bool Varies(List<double> a, List<double> b) => a.Concat(b).Distinct().Skip(1).Any();

    /// <summary>Of latencies the logarithm, as ratios count.</summary>
    private static double? Value(CaptureStats capture, string metric, string key) =>
        capture.Value(metric, key) is { } value ? IsLatency(metric) ? Math.Log(value) : value : null;

    /// <summary>One value for each host and night: the mean over its captures.</summary>
    private static List<double> HostNights(IReadOnlyList<CaptureStats> captures, string metric, string key) =>
    [
        .. captures.Select(c => (c.Date, c.Host, Value: Value(c, metric, key)))
            .Where(c => c.Value is not null)
            .GroupBy(c => (c.Date, c.Host))
            .Select(g => g.Average(c => c.Value!.Value)),
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
            bool worse = corrected < Level && c.Effect >= LeastEffect(c.Metric);
            result.Add(c with { CorrectedP = corrected, Verdict = worse ? Verdict.Regression : able ? Verdict.Quiet : Verdict.NotYet });
        }

        return
        [
            .. result.OrderByDescending(c => c.Verdict == Verdict.Regression)
                .ThenBy(c => c.CorrectedP ?? 2)
                .ThenBy(c => c.Subject, StringComparer.Ordinal)
                .ThenBy(c => c.Metric, StringComparer.Ordinal)
                .ThenBy(c => c.Key, StringComparer.Ordinal),
        ];
    }

    /// <summary>What a change must come to before a significant one is a regression: of latencies a ratio, of shares a difference.</summary>
    internal static double LeastEffect(string metric) => metric switch
    {
        _ when IsLatency(metric) => 1.1,
        "lost" => 0.001,
        "infidelity" or "violation" => 0.001,
        _ => 0.01,
    };

    private static double Mean(List<double> values) => values.Count == 0 ? 0 : values.Average();

    internal static double Median(List<double> values)
    {
        if (values.Count == 0)
        {
            return double.NaN;
        }

        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    private static (long Events, long Lost, FidelityLine Outcomes, long Missed) Totals(DatasetSession session, DateOnly night)
    {
        (string, object) date = ("night", night.ToDateTime(TimeOnly.MinValue));
        (long events, long lost) = session.Select(
            "SELECT coalesce(sum(events), 0)::BIGINT, coalesce(sum(lost), 0)::BIGINT FROM traces WHERE date = $night::DATE",
            r => (r.GetInt64(0), r.GetInt64(1)),
            date)[0];
        List<FidelityLine> lines = session.Select(
            """
            SELECT quantity, sum(matched)::BIGINT, sum(in_set)::BIGINT, sum(missed)::BIGINT, sum(lost)::BIGINT, sum(read_off)::BIGINT, sum(unknown)::BIGINT, sum(unobserved)::BIGINT
            FROM fidelity WHERE total > 0 AND trace_id IN (SELECT trace_id FROM traces WHERE date = $night::DATE) GROUP BY quantity
            """,
            r => new FidelityLine("", null, r.GetString(0))
            {
                Matched = r.GetInt64(1),
                InSet = r.GetInt64(2),
                Missed = r.GetInt64(3),
                Lost = r.GetInt64(4),
                ReadOff = r.GetInt64(5),
                Unknown = r.GetInt64(6),
                Unobserved = r.GetInt64(7),
            },
            date);
        return (events, lost, FidelityLine.Sum([.. lines.Where(f => f.Quantity == FidelityLine.Outcome)]), lines.Sum(f => f.Missed));
    }
}
