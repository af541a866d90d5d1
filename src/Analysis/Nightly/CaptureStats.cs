using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Nightly;

/// <summary>The rows of <c>night_stats</c> of one capture.</summary>
internal sealed class CaptureStats(string traceId, DateOnly date, string host, NightGroup group, string? clock = null)
{
    /// <summary>What the metrics of latency begin with; what the clock counts follows.</summary>
    public const string Latency = "latency_";

    private readonly Dictionary<(string Metric, string Key), (double Value, long N)> _values = [];

    public string TraceId => traceId;

    public DateOnly Date => date;

    public string Host => host;

    public NightGroup Group => group;

    /// <summary>The trace clock; null if not recorded.</summary>
    public string? Clock => clock;

    /// <summary>Values that a value rests on; 0 where there is none.</summary>
    public long Count(string metric, string key) => _values.TryGetValue((metric, key), out (double Value, long N) v) ? v.N : Faults;

    public long Faults => (long)(_values.TryGetValue(("faults", "count"), out (double Value, long) v) ? v.Value : 0);

    public IEnumerable<(string Metric, string Key)> Keys => _values.Keys;

    public void Add(string metric, string key, double value, long n) => _values[(metric, key)] = (value, n);

    /// <summary>null where the capture cannot tell: a share of no faults, a percentile of too few, coverage without a model of its kernel.</summary>
    public double? Value(string metric, string key)
    {
        if (metric.StartsWith(Latency, StringComparison.Ordinal))
        {
            long least = key switch { "p99" => 200, "p90" => 40, _ => 8 };
            return _values.TryGetValue((metric, key), out (double Value, long N) latency) && latency.N >= least ? latency.Value : null;
        }

        return _values.TryGetValue((metric, key), out (double Value, long N) v) ? v.Value
            : metric == "uncovered" ? null
            : metric is "lost" or "infidelity" || Faults > 0 ? 0
            : null;
    }

    /// <summary>Captures of the dates, by id.</summary>
    public static IReadOnlyList<CaptureStats> Read(DatasetSession session, DateOnly from, DateOnly to)
    {
        Dictionary<string, CaptureStats> captures = new(StringComparer.Ordinal);
        session.Select(
            """
            SELECT s.trace_id, t.date, t.host, s.host_class, s.scenario, s.kernel, s.metric, s.key, s.value, s.n, t.clock, t.clock_unit
            FROM night_stats s JOIN traces t ON s.trace_id = t.trace_id
            WHERE t.date BETWEEN $from::DATE AND $to::DATE ORDER BY s.trace_id, s.metric, s.key
            """,
            r =>
            {
                string id = r.GetString(0);
                if (!captures.TryGetValue(id, out CaptureStats? capture))
                {
                    NightGroup group = new(r.GetString(3), r.GetString(4), r.IsDBNull(5) ? null : r.GetString(5));
                    captures.Add(id, capture = new CaptureStats(id, DateOnly.FromDateTime(r.GetDateTime(1)), r.GetString(2), group, r.IsDBNull(10) ? null : r.GetString(10)));
                }

                // Earlier versions called every clock's units ns.
                string metric = r.GetString(6);
                metric = metric.StartsWith(Latency, StringComparison.Ordinal) ? Latency + r.GetString(11) : metric;
                capture.Add(metric, r.GetString(7), r.GetDouble(8), r.GetInt64(9));
                return 0;
            },
            ("from", from.ToDateTime(TimeOnly.MinValue)),
            ("to", to.ToDateTime(TimeOnly.MinValue)));
        return [.. captures.Values];
    }
}
