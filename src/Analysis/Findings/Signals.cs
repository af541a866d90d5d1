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
    public static HashSet<string> Of(DatasetSession session, TraceManifest trace, IEnumerable<string> asked)
    {
        HashSet<string> signals = [.. session.Select(
            $"""
            WITH f AS (SELECT pid, gfn, access, observed_outcome, observed_level, kind, lag((gfn, access)) OVER (PARTITION BY pid ORDER BY seq) AS before FROM one_faults),
            s AS (
                SELECT 'faults' AS signal, count(*) > 0 AS there FROM f
                UNION ALL SELECT 'repeats', count(*) FILTER (before = (gfn, access)) > 0 FROM f
                UNION ALL SELECT '64 small leaves', count(*) FILTER (observed_level = 1 AND observed_outcome = 'FIXED') >= 64 FROM f
                UNION ALL SELECT DISTINCT 'outcome ' || coalesce(observed_outcome, 'UNKNOWN'), true FROM f
                UNION ALL SELECT DISTINCT 'kind ' || kind, true FROM f WHERE kind IS NOT NULL
                UNION ALL SELECT 'slotted', count(*) FILTER (slots > 0) > 0 FROM one_windows
                UNION ALL SELECT 'storm', count(*) FILTER (slots > 0) >= {Steps.Storm} OR sum(zapped_pages) >= {Steps.StormPages}
                    OR (count(*) FILTER (slots > 0) > 0 AND count(zapped_pages) = 0 AND (SELECT count(*) FROM f) >= {2 * Steps.StormPages}) FROM one_windows
                UNION ALL SELECT 'useless windows', count(*) FILTER (slots = 0) >= 1000 FROM one_windows
                UNION ALL SELECT DISTINCT 'violation ' || invariant, true FROM one_violations WHERE verdict = 'violated')
            SELECT signal FROM s WHERE there
            """,
            r => r.GetString(0))];
        Dictionary<string, long> counts = trace.EventCounts.GroupBy(e => e.Key[(e.Key.IndexOf('.', StringComparison.Ordinal) + 1)..]).ToDictionary(g => g.Key, g => g.Sum(e => e.Value));
        signals.UnionWith(counts.Keys.Select(name => "event " + name));
        signals.UnionWith(asked.SelectMany(need => need.Split('|')).Where(need => need.Split(' ') is [{ } least, { } name] && long.TryParse(least, out long n) && counts.GetValueOrDefault(name) >= n));
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
