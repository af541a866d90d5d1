using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Nightly;

/// <summary>A row of night_stats.</summary>
public readonly record struct CaptureStat(string TraceId, DateOnly Date, string Host, string Class, string Kernel, string Scenario, string Quantity, double Value);

/// <summary>
/// Compares a night with those before it. The unit is the capture, never the fault: faults of one capture are no independent draws.
/// A host against its own past by the rank-sum test over captures, and then only if tonight's median lies outside of all earlier
/// nights' medians, since captures of one night share its weather; a class by the signed-rank test over its hosts, tonight
/// against each host's past. Holm's correction over all tests of the night; an effect below the least one is none.
/// </summary>
public static class NightComparer
{
    /// <summary>The chance of a false alarm in a quiet night, over all its tests.</summary>
    public const double Alpha = 0.02;

    /// <summary>A latency must have moved by this factor.</summary>
    public const double LeastRatio = 1.10;

    /// <summary>A share must have moved by this much (one point in a hundred).</summary>
    public const double LeastShare = 0.01;

    public const int LeastNights = 3;
    public const int LeastBaselineCaptures = 6;
    public const int LeastCaptures = 3;
    public const int LeastHosts = 6;

    private readonly record struct Value(DateOnly Date, string Host, double Number);

    private readonly record struct Group(string Class, string Kernel, string Scenario, string Quantity);

    /// <param name="session">The dataset.</param>
    /// <param name="night">The night.</param>
    /// <param name="baseline">Earlier nights, oldest first.</param>
    public static (IReadOnlyList<NightComparison> Comparisons, int Tests) Compare(DatasetSession session, DateOnly night, IReadOnlyList<DateOnly> baseline) => Compare(
        session.Select(
            "SELECT trace_id, date, host, class, kernel, scenario, quantity, value FROM night_stats WHERE date BETWEEN $from AND $to ORDER BY date, host, trace_id, quantity",
            r => new CaptureStat(r.GetString(0), r.GetFieldValue<DateOnly>(1), r.GetString(2), r.GetString(3), r.GetString(4), r.GetString(5), r.GetString(6), r.GetDouble(7)),
            ("from", baseline.Count > 0 ? baseline[0] : night),
            ("to", night)),
        night,
        baseline);

    /// <param name="stats">Rows of night_stats.</param>
    /// <param name="night">The night.</param>
    /// <param name="baseline">Earlier nights.</param>
    public static (IReadOnlyList<NightComparison> Comparisons, int Tests) Compare(IEnumerable<CaptureStat> stats, DateOnly night, IReadOnlyList<DateOnly> baseline)
    {
        List<Capture> captures = [];
        Dictionary<string, Capture> byId = new(StringComparer.Ordinal);
        foreach (CaptureStat stat in stats)
        {
            if (!byId.TryGetValue(stat.TraceId, out Capture? capture))
            {
                capture = new Capture(stat.Date, stat.Host, stat.Class, stat.Kernel, stat.Scenario);
                byId.Add(stat.TraceId, capture);
                captures.Add(capture);
            }

            capture.Values[stat.Quantity] = stat.Value;
        }

        HashSet<DateOnly> nights = [.. baseline];
        List<Candidate> candidates = [];
        List<NightComparison> kinds = [];
        foreach (var scenario in captures.Where(c => c.Date == night || nights.Contains(c.Date)).GroupBy(c => (c.Class, c.Kernel, c.Scenario)))
        {
            List<Capture> all = [.. scenario];
            kinds.AddRange(NewKinds(all, night));
            foreach (string quantity in all.SelectMany(c => c.Values.Keys).Where(q => !q.StartsWith("kind ", StringComparison.Ordinal) && !q.StartsWith("count ", StringComparison.Ordinal)).Distinct().Order(StringComparer.Ordinal))
            {
                Group group = new(scenario.Key.Class, scenario.Key.Kernel, scenario.Key.Scenario, quantity);
                List<Value> values = [.. all.Select(c => (c, Number: c.Of(quantity))).Where(v => v.Number is not null).Select(v => new Value(v.c.Date, v.c.Host, v.Number!.Value))];
                foreach (IGrouping<string, Value> host in values.GroupBy(v => v.Host))
                {
                    candidates.Add(OfHost(group, host.Key, [.. host], night));
                }

                candidates.Add(OfClass(group, values, night));
            }
        }

        List<Candidate> tests = [.. candidates.Where(c => c.P is not null)];
        double[] corrected = RankTests.Holm([.. tests.Select(c => c.P!.Value)]);
        for (int i = 0; i < tests.Count; i++)
        {
            tests[i].CorrectedP = corrected[i];
        }

        return ([.. candidates.Where(c => c.TonightCaptures > 0).Select(c => c.Judge()).Concat(kinds)
            .OrderBy(c => Order(c.Verdict)).ThenByDescending(Size)
            .ThenBy(c => c.Class, StringComparer.Ordinal).ThenBy(c => c.Kernel, StringComparer.Ordinal).ThenBy(c => c.Scenario, StringComparer.Ordinal)
            .ThenBy(c => c.Host ?? "", StringComparer.Ordinal).ThenBy(c => c.Quantity, StringComparer.Ordinal)], tests.Count);
    }

    private static Candidate OfHost(Group group, string host, List<Value> values, DateOnly night)
    {
        double[] tonight = [.. values.Where(v => v.Date == night).Select(v => v.Number)];
        double[] before = [.. values.Where(v => v.Date != night).Select(v => v.Number)];
        double[] medians = [.. values.Where(v => v.Date != night).GroupBy(v => v.Date).Select(n => RankTests.Median(n.Select(v => v.Number)))];
        Candidate candidate = new(group, host, before, tonight, "rank-sum over captures");
        if (medians.Length < LeastNights || before.Length < LeastBaselineCaptures || tonight.Length < LeastCaptures)
        {
            candidate.WhyNot = $"{medians.Length} earlier nights with {before.Length} captures and {tonight.Length} tonight: {LeastNights} with {LeastBaselineCaptures} and {LeastCaptures} are needed";
        }
        else if (!Varies(before, tonight))
        {
            candidate.WhyNot = "the same value in every capture";
            candidate.IsConstant = true;
        }
        else
        {
            candidate.P = RankTests.RankSum(tonight, before);
            candidate.OutsideOfAllNights = RankTests.Median(tonight) > medians.Max() || RankTests.Median(tonight) < medians.Min();
        }

        return candidate;
    }

    private static Candidate OfClass(Group group, List<Value> values, DateOnly night)
    {
        List<(double Before, double Tonight)> pairs = [.. values.GroupBy(v => v.Host)
            .Where(h => h.Any(v => v.Date == night) && h.Any(v => v.Date != night))
            .Select(h => (RankTests.Median(h.Where(v => v.Date != night).Select(v => v.Number)), RankTests.Median(h.Where(v => v.Date == night).Select(v => v.Number))))
            .Where(p => !group.Quantity.StartsWith("latency ", StringComparison.Ordinal) || (p.Item1 > 0 && p.Item2 > 0))];
        Candidate candidate = new(group, null, [.. pairs.Select(p => p.Before)], [.. pairs.Select(p => p.Tonight)], "signed-rank over hosts")
        {
            BaselineCaptures = values.Count(v => v.Date != night),
            TonightCaptures = values.Count(v => v.Date == night),
            OutsideOfAllNights = true,
        };
        int nights = values.Where(v => v.Date != night).Select(v => v.Date).Distinct().Count();
        if (nights < LeastNights || pairs.Count < LeastHosts)
        {
            candidate.WhyNot = $"{pairs.Count} hosts with {nights} earlier nights: {LeastHosts} with {LeastNights} are needed";
        }
        else if (pairs.All(p => p.Before == p.Tonight))
        {
            candidate.WhyNot = "every host's median is its former one";
            candidate.IsConstant = true;
        }
        else
        {
            candidate.P = RankTests.SignedRank([.. pairs.Select(p => candidate.IsLatency ? Math.Log(p.Tonight / p.Before) : p.Tonight - p.Before)]);
            candidate.PairedEffect = candidate.IsLatency
                ? RankTests.Median(pairs.Select(p => p.Tonight / p.Before))
                : RankTests.Median(pairs.Select(p => p.Tonight - p.Before));
        }

        return candidate;
    }

    private static IEnumerable<NightComparison> NewKinds(List<Capture> all, DateOnly night)
    {
        int nights = all.Where(c => c.Date != night).Select(c => c.Date).Distinct().Count();
        int before = all.Count(c => c.Date != night);
        int tonight = all.Count - before;
        if (nights < LeastNights || before < LeastBaselineCaptures)
        {
            return [];
        }

        HashSet<string> known = [.. all.Where(c => c.Date != night).SelectMany(c => c.Values.Keys)];
        return all.Where(c => c.Date == night)
            .SelectMany(c => c.Values.Where(v => v.Key.StartsWith("kind ", StringComparison.Ordinal) && !known.Contains(v.Key)))
            .GroupBy(v => v.Key, v => v.Value)
            .Select(kind => new NightComparison(
                all[0].Class, null, all[0].Kernel, all[0].Scenario, kind.Key["kind ".Length..], "findings", NightVerdict.NewKind,
                0, kind.Sum(), kind.Sum(), null, null, before, tonight, $"in {kind.Count()} captures tonight and in none of the baseline"));
    }

    private static bool Varies(double[] before, double[] tonight) => before.Concat(tonight).Distinct().Skip(1).Any();

    private static int Order(string verdict) => verdict switch
    {
        NightVerdict.Regression => 0,
        NightVerdict.NewKind => 1,
        NightVerdict.Improved => 2,
        NightVerdict.None => 3,
        _ => 4,
    };

    private static double Size(NightComparison c) => c.Effect is not { } effect ? 0 : c.Unit == "ns" ? Math.Abs(Math.Log(effect)) : Math.Abs(effect);

    private sealed record Capture(DateOnly Date, string Host, string Class, string Kernel, string Scenario)
    {
        public Dictionary<string, double> Values { get; } = new(StringComparer.Ordinal);

        /// <summary>A share that the capture does not name is 0; a percentile or a fidelity that it does not name is not known.</summary>
        public double? Of(string quantity) => Values.TryGetValue(quantity, out double value) ? value
            : quantity.StartsWith("outcome ", StringComparison.Ordinal) || quantity.StartsWith("divergence ", StringComparison.Ordinal) ? 0 : null;
    }

    private sealed class Candidate(Group group, string? host, double[] before, double[] tonight, string test)
    {
        public bool IsLatency => group.Quantity.StartsWith("latency ", StringComparison.Ordinal);

        public int BaselineCaptures { get; init; } = before.Length;

        public int TonightCaptures { get; init; } = tonight.Length;

        public double? P { get; set; }

        public double? CorrectedP { get; set; }

        public double? PairedEffect { get; set; }

        public bool OutsideOfAllNights { get; set; }

        public bool IsConstant { get; set; }

        public string? WhyNot { get; set; }

        public NightComparison Judge()
        {
            double? was = before.Length > 0 ? RankTests.Median(before) : null;
            double? now = tonight.Length > 0 ? RankTests.Median(tonight) : null;
            double? effect = PairedEffect ?? (was is null || now is null || (IsLatency && was == 0) ? null : IsLatency ? now / was : now - was);
            string verdict = P is null ? (IsConstant ? NightVerdict.Steady : NightVerdict.None) : Verdict(effect);
            return new NightComparison(
                group.Class, host, group.Kernel, group.Scenario, group.Quantity, IsLatency ? "ns" : "share", verdict,
                was, now, effect, P, CorrectedP, BaselineCaptures, TonightCaptures, WhyNot ?? test);
        }

        private string Verdict(double? effect)
        {
            bool large = effect is { } e && (IsLatency ? Math.Max(e, 1 / e) >= LeastRatio : Math.Abs(e) >= LeastShare);
            if (!large || CorrectedP >= Alpha || !OutsideOfAllNights)
            {
                return NightVerdict.Steady;
            }

            bool up = IsLatency ? effect > 1 : effect > 0;

            // More of an outcome is worse, except of those in which the guest got its page; less fidelity is worse.
            bool goodWhenUp = group.Quantity is "outcome FIXED" or "outcome FIXED_FAST" || group.Quantity.StartsWith("fidelity ", StringComparison.Ordinal);
            return up == goodWhenUp ? NightVerdict.Improved : NightVerdict.Regression;
        }
    }
}
