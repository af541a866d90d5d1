namespace TraceReplay.Analysis.Nightly;

/// <summary>A host of the night, and its nights before.</summary>
/// <param name="Latency">Each night's median latency as a ratio to that of the nights before, the middle one over scenarios and clocks, tonight last; empty without nights before.</param>
/// <param name="NotFixed">Each night's mean share of faults that did not end well, 0 to 1, tonight last.</param>
public sealed record NightHost(
    string Host, string HostClass, int Captures, long Faults, IReadOnlyList<(DateOnly Night, double Value)> Latency, IReadOnlyList<(DateOnly Night, double Value)> NotFixed);

/// <summary>The hosts of a night.</summary>
internal static class NightHosts
{
    /// <summary>Hosts that the page shows at most.</summary>
    public const int Most = 60;

    /// <summary>Those with the largest growth of the latency first, then the most refused faults.</summary>
    public static IReadOnlyList<NightHost> Of(IReadOnlyList<CaptureStats> tonight, IReadOnlyList<CaptureStats> before)
    {
        ILookup<string, CaptureStats> old = before.ToLookup(c => c.Host);
        return
        [
            .. tonight.GroupBy(c => c.Host)
                .Select(host => Host(host.Key, [.. host], [.. old[host.Key]]))
                .OrderByDescending(h => h.Latency.Count == 0 ? 1 : h.Latency[^1].Value)
                .ThenByDescending(h => h.NotFixed.Count == 0 ? 0 : h.NotFixed[^1].Value)
                .ThenBy(h => h.Host, StringComparer.Ordinal)
                .Take(Most),
        ];
    }

    // Other scenarios take other times: only those that ran tonight are looked at in the nights before.
    private static NightHost Host(string name, List<CaptureStats> tonight, List<CaptureStats> before)
    {
        DateOnly night = tonight[0].Date;
        HashSet<NightGroup> groups = [.. tonight.Select(c => c.Group)];
        List<CaptureStats> all = [.. tonight, .. before.Where(c => groups.Contains(c.Group))];
        IEnumerable<(DateOnly Night, double Value)> ratios = all.GroupBy(c => (c.Group, c.Clock))
            .SelectMany(alike => alike.SelectMany(c => c.Keys).Where(k => k.Key == "p50" && k.Metric.StartsWith(CaptureStats.Latency, StringComparison.Ordinal)).Distinct()
                .SelectMany(k => Ratios([.. alike], k.Metric, night)));
        return new NightHost(
            name,
            tonight[0].Group.HostClass,
            tonight.Count,
            tonight.Sum(c => c.Faults),
            Ending(ratios.GroupBy(r => r.Night).Select(n => (n.Key, NightComparison.Median([.. n.Select(r => r.Value)]))), night),
            Nights(all, c => c.Faults == 0 ? null : 1 - (c.Value("outcome", "FIXED") ?? 0) - (c.Value("outcome", "FIXED_FAST") ?? 0), values => Math.Clamp(values.Average(), 0, 1), night));
    }

    private static IEnumerable<(DateOnly Night, double Value)> Ratios(List<CaptureStats> captures, string metric, DateOnly tonight)
    {
        List<(DateOnly Night, double Value)> nights = Nights(captures, c => c.Value(metric, "p50"), NightComparison.Median, tonight);
        double before = nights.Count < 2 ? 0 : NightComparison.Median([.. nights.SkipLast(1).Select(n => n.Value)]);
        return before <= 0 ? [] : nights.Select(n => (n.Night, n.Value / before));
    }

    private static List<(DateOnly Night, double Value)> Nights(List<CaptureStats> captures, Func<CaptureStats, double?> value, Func<List<double>, double> over, DateOnly tonight) =>
        Ending(captures.Select(c => (c.Date, Value: value(c))).Where(c => c.Value is not null).GroupBy(c => c.Date).Select(n => (n.Key, over([.. n.Select(c => c.Value!.Value)]))), tonight);

    // Of a host that tells nothing tonight the nights before are of no interest.
    private static List<(DateOnly Night, double Value)> Ending(IEnumerable<(DateOnly Night, double Value)> values, DateOnly tonight)
    {
        List<(DateOnly Night, double Value)> nights = [.. values.OrderBy(n => n.Night)];
        return nights.Count > 0 && nights[^1].Night == tonight ? nights : [];
    }
}
