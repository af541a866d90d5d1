using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Summary;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Nightly;

/// <summary>Finds for each thing that a night found the captures that show it most, and the fault in each.</summary>
internal sealed class NightLeads(DatasetSession session, DateOnly night, IReadOnlyList<CaptureStats> tonight)
{
    /// <summary>Captures that are named for each.</summary>
    private const int Each = 3;

    /// <summary>Captures that are opened at most to look for the fault: behind these only the capture is named.</summary>
    private const int MostOpened = 60;

    private readonly Dictionary<string, string> _files = session.Select(
        "SELECT trace_id, regexp_extract(path, '[^/]+$') FROM traces WHERE date = $night::DATE",
        r => (Id: r.GetString(0), File: r.GetString(1)),
        ("night", night.ToDateTime(TimeOnly.MinValue))).ToDictionary(t => t.Id, t => t.File);

    private readonly HashSet<string> _opened = [];

    public NightReport Complete(NightReport report)
    {
        ILookup<(string Trace, string Key), NightMiss> misses = Misses();
        IReadOnlyList<NewKind> kinds = [.. report.NewKinds.Select(k => k with { Leads = Of(k.Metric, k.Kind, tonight), Tally = Tally(k.Metric, k.Kind, tonight, misses) })];
        IReadOnlyList<NightFinding> findings = [.. report.Findings.Select(f => f with { Leads = Of(NightFindings.Metric, $"{f.Severity} {f.Finding}", tonight) })];
        return report with
        {
            NewKinds = kinds,
            Findings = findings,
            Comparisons = [.. report.Comparisons.Select(c => c.Verdict is Verdict.Regression or Verdict.Suspected ? c with
            {
                Leads = Of(c.Metric, c.Key, tonight.Where(t => Belongs(t, c))),
                Tally = c.IsLatency ? null : Tally(c.Metric, c.Key, tonight.Where(t => Belongs(t, c)), misses),
            } : c)],
        };
    }

    /// <summary>How the faults ended that the captured kernel's model missed: one statement, over the captures that miss most.</summary>
    private ILookup<(string Trace, string Key), NightMiss> Misses()
    {
        const string metric = "infidelity";
        string[] captures =
        [
            .. tonight.Select(c => (c.TraceId, Most: c.Keys.Where(k => k.Metric == metric && k.Key.EndsWith(" " + FidelityLine.Outcome, StringComparison.Ordinal)).Max(k => (long?)Hits(c, k.Metric, k.Key))))
                .Where(c => c.Most is not null).OrderByDescending(c => c.Most).ThenBy(c => c.TraceId, StringComparer.Ordinal).Take(MostOpened).Select(c => Sql.Literal(c.TraceId)),
        ];
        return (captures.Length == 0 ? [] : session.Select(
            $"""
            SELECT trace_id, model || ' ' || quantity, observed, regexp_extract(predicted, '^[A-Z_|]+'), count(*)
            FROM fidelity_misses WHERE quantity = '{FidelityLine.Outcome}' AND NOT coalesce(lost, false) AND trace_id IN ({string.Join(", ", captures)}) GROUP BY ALL
            """,
            r => (Of: (Trace: r.GetString(0), Key: r.GetString(1)), Miss: new NightMiss(r.GetString(2), r.GetString(3), r.GetInt64(4))))).ToLookup(m => m.Of, m => m.Miss);
    }

    private static NightTally? Tally(string metric, string key, IEnumerable<CaptureStats> captures, ILookup<(string Trace, string Key), NightMiss> misses)
    {
        List<CaptureStats> those = [.. captures.Where(c => c.Keys.Contains((metric, key)))];
        return those.Count == 0 ? null : new NightTally(those.Sum(c => Hits(c, metric, key)), those.Sum(c => c.Count(metric, key)), those.Count)
        {
            Misses = [.. those.SelectMany(c => misses[(c.TraceId, key)]).GroupBy(m => (m.Observed, m.Predicted)).Select(g => new NightMiss(g.Key.Observed, g.Key.Predicted, g.Sum(m => m.Faults)))
                .OrderByDescending(m => m.Faults).ThenBy(m => m.Observed, StringComparer.Ordinal).ThenBy(m => m.Predicted, StringComparer.Ordinal)],
        };
    }

    // Shares are kept, not counts; of findings it is the other way.
    private static long Hits(CaptureStats capture, string metric, string key) =>
        metric == NightFindings.Metric ? capture.Count(metric, key) : (long)Math.Round((capture.Value(metric, key) ?? 0) * capture.Count(metric, key));

    private static bool Belongs(CaptureStats capture, Comparison c) =>
        capture.Group == c.Group && (c.Host is null || capture.Host == c.Host) && (c.Clock is null || (capture.Clock ?? "unknown") == c.Clock);

    // Of findings all values are 1: their faults tell which is the worst.
    private IReadOnlyList<NightLead> Of(string metric, string key, IEnumerable<CaptureStats> captures) =>
    [
        .. captures.Where(c => c.Keys.Contains((metric, key)) && _files.ContainsKey(c.TraceId))
            .Select(c => (Capture: c, Value: metric == NightFindings.Metric ? c.Count(metric, key) : c.Value(metric, key)))
            .Where(c => c.Value is not null)
            .OrderByDescending(c => c.Value).ThenBy(c => c.Capture.TraceId, StringComparer.Ordinal)
            .Take(Each)
            .Select(c => new NightLead(c.Capture.TraceId, _files[c.Capture.TraceId], c.Capture.Host, c.Capture.Group.Scenario, c.Value, Fault(c.Capture.TraceId, metric, key))),
    ];

    private long? Fault(string traceId, string metric, string key)
    {
        if (metric is "lost" or "uncovered" || (!_opened.Contains(traceId) && _opened.Count >= MostOpened))
        {
            return null;
        }

        _opened.Add(traceId);
        using DatasetSession? trace = DatasetSession.OpenTrace(session.Dataset, traceId, session.Stop);
        if (trace is null)
        {
            return null;
        }

        if (metric == NightFindings.Metric)
        {
            string id = key[(key.IndexOf(' ', StringComparison.Ordinal) + 1)..];
            return FindingsReader.Read(trace, traceId).Where(f => f.Finding == id).Min(f => f.FirstFault);
        }

        string sql = metric switch
        {
            _ when metric.StartsWith(CaptureStats.Latency, StringComparison.Ordinal) => "SELECT fault_id FROM faults WHERE $key <> '' ORDER BY coalesce(latency_ns, latency_cycles) DESC NULLS LAST, fault_id LIMIT 1",
            "outcome" => "SELECT min(fault_id) FROM faults WHERE observed_outcome = $key",
            "divergence" => $"SELECT min(fault_id) FROM divergences WHERE {NightStats.DivergenceKey} = $key",
            "violation" => $"SELECT min(fault_id) FROM violations WHERE verdict = 'violated' AND {NightStats.ViolationKey} = $key",
            _ => "SELECT min(fault_id) FROM fidelity_misses WHERE model || ' ' || quantity = $key AND NOT coalesce(lost, false)",
        };
        return trace.Select(sql, r => r.IsDBNull(0) ? (long?)null : r.GetInt64(0), ("key", key)).FirstOrDefault();
    }
}
