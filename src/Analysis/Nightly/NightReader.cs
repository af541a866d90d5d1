using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Nightly;

/// <summary>Sums a night up from the dataset and the inbox's index.</summary>
internal static class NightReader
{
    private const string Nights = """
        SELECT date, count(DISTINCT trace_id), count(DISTINCT host),
            sum(value) FILTER (quantity = 'count events')::BIGINT, sum(value) FILTER (quantity = 'count faults')::BIGINT, sum(value) FILTER (quantity = 'count lost')::BIGINT,
            sum(value * n) FILTER (quantity = 'fidelity outcome') / sum(n) FILTER (quantity = 'fidelity outcome'),
            coalesce(sum(value) FILTER (starts_with(quantity, 'kind violation')), 0)::BIGINT,
            coalesce(sum(value) FILTER (starts_with(quantity, 'kind divergence')), 0)::BIGINT,
            coalesce(sum(value) FILTER (starts_with(quantity, 'kind infidelity')), 0)::BIGINT
        FROM night_stats GROUP BY date ORDER BY date
        """;

    private sealed record Night(DateOnly Date, long Captures, long Hosts, long Events, long Faults, long Lost, double? Fidelity, long Violations, long Divergences, long Infidelities);

    /// <returns>null if the dataset has no capture of a night yet.</returns>
    public static NightSummary? Read(NightOptions options, InboxIndex index)
    {
        using DatasetSession session = DatasetSession.Open(options.Dataset);
        List<Night> nights = session.Select(Nights, r => new Night(
            r.GetFieldValue<DateOnly>(0), r.GetInt64(1), r.GetInt64(2), r.GetInt64(3), r.GetInt64(4), r.GetInt64(5), r.IsDBNull(6) ? null : r.GetDouble(6), r.GetInt64(7), r.GetInt64(8), r.GetInt64(9)));
        if (nights.Count == 0)
        {
            return null;
        }

        DateOnly date = options.Date ?? nights[^1].Date;
        Night night = nights.Find(n => n.Date == date) ?? new Night(date, 0, 0, 0, 0, 0, null, 0, 0, 0);
        List<Night> before = [.. nights.Where(n => n.Date < date).TakeLast(options.BaselineNights)];
        (IReadOnlyList<NightComparison> comparisons, int tests) = NightComparer.Compare(session, date, [.. before.Select(n => n.Date)]);
        List<InboxEntry> refused = [.. index.All.Where(e => e.Refusal is not null)];
        return new NightSummary
        {
            Date = date,
            BaselineNights = [.. before.Select(n => n.Date)],
            Captures = night.Captures,
            Hosts = night.Hosts,
            Events = night.Events,
            Faults = night.Faults,
            Lost = night.Lost,
            Fidelity = night.Fidelity,
            Violations = night.Violations,
            Divergences = night.Divergences,
            Infidelities = night.Infidelities,
            Tests = tests,
            Comparisons = comparisons,
            Refusals = [.. refused.Where(e => e.Date == date).OrderBy(e => e.Name, StringComparer.Ordinal).Select(e => new NightRefusal(e.Name, e.Host, e.Refusal!))],
            Trend = [.. before.Append(night).Select(n => new NightTrend(n.Date, n.Captures, n.Hosts, n.Faults, n.Lost, refused.Count(e => e.Date == n.Date), n.Fidelity))],
        };
    }
}
