using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Findings;

/// <summary>
/// What a trace has at all, in words: <c>event NAME</c>, <c>N NAME</c> (at least N records of that event), <c>outcome NAME</c>,
/// <c>kind NAME</c>, <c>violation INV-NN</c>, and those below. A finding whose signals are missing is not asked for, so that most traces
/// cost next to nothing.
/// </summary>
internal static class Signals
{
    /// <summary>The signals of each of the traces, in their order.</summary>
    public static List<HashSet<string>> Of(DatasetSession session, IReadOnlyList<TraceManifest> traces, IEnumerable<string> asked)
    {
        string[] needs = [.. asked.SelectMany(need => need.Split('|')).Distinct()];
        ILookup<string, string> told = session.Select(
            $"""
            WITH s AS (
                SELECT trace_id, 'faults' AS signal, count(*) > 0 AS there FROM some_faults GROUP BY trace_id
                UNION ALL SELECT DISTINCT trace_id, 'repeats', true FROM some_neighbours WHERE again
                UNION ALL SELECT trace_id, '64 small leaves', count(*) FILTER (observed_level = 1 AND observed_outcome = 'FIXED') >= 64 FROM some_faults GROUP BY trace_id
                UNION ALL SELECT DISTINCT trace_id, 'outcome ' || coalesce(observed_outcome, 'UNKNOWN'), true FROM some_faults
                UNION ALL SELECT DISTINCT trace_id, 'kind ' || kind, true FROM some_faults WHERE kind IS NOT NULL
                UNION ALL SELECT trace_id, 'slotted', count(*) FILTER (slots > 0) > 0 FROM some_windows GROUP BY trace_id
                UNION ALL SELECT trace_id, 'storm', count(*) FILTER (slots > 0) >= {Steps.Storm} OR sum(zapped_pages) >= {Steps.StormPages}
                    OR (count(*) FILTER (slots > 0) > 0 AND count(zapped_pages) = 0 AND (SELECT count(*) FROM some_faults f WHERE f.trace_id = some_windows.trace_id) >= {2 * Steps.StormPages}) FROM some_windows GROUP BY trace_id
                UNION ALL SELECT trace_id, 'useless windows', count(*) FILTER (slots = 0) >= 1000 FROM some_windows GROUP BY trace_id
                UNION ALL SELECT DISTINCT trace_id, 'violation ' || invariant, true FROM some_violations WHERE verdict = 'violated')
            SELECT trace_id, signal FROM s WHERE there
            """,
            r => (Trace: r.GetString(0), Signal: r.GetString(1)))
            .ToLookup(s => s.Trace, s => s.Signal);
        return [.. traces.Select(trace => Of(trace, [.. told[trace.TraceId]], needs))];
    }

    private static HashSet<string> Of(TraceManifest trace, HashSet<string> signals, string[] needs)
    {
        Dictionary<string, long> counts = trace.EventCounts.GroupBy(e => e.Key[(e.Key.IndexOf('.', StringComparison.Ordinal) + 1)..]).ToDictionary(g => g.Key, g => g.Sum(e => e.Value));
        signals.UnionWith(counts.Keys.Select(name => "event " + name));
        signals.UnionWith(needs.Where(need => need.Split(' ') is [{ } least, { } name] && long.TryParse(least, out long n) && counts.GetValueOrDefault(name) >= n));
        if (trace.Lost > 0 || !trace.Complete)
        {
            signals.Add("lost");
        }

        if (trace.Warnings.Any(w => w.Contains("are in no known form", StringComparison.Ordinal)))
        {
            signals.Add("unread");
        }

        return signals;
    }

    public static bool Met(Finding finding, HashSet<string> signals) => finding.Needs.All(need => need.Split('|').Any(signals.Contains));
}
