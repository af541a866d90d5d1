using DuckDB.NET.Data;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Knowledge;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Summary;

/// <summary>Reads what a summary shows off the views.</summary>
public static class SummaryReader
{
    public const string Observed = "observed";

    // Below, a verdict says what to record.
    private const double MostlyJudged = 0.95;
    private const int MostAdvised = 3;

    /// <summary>The traces in the order asked for; one that the dataset does not hold is left out. Each statement is asked once for all of them.</summary>
    public static IReadOnlyList<TraceSummary> Read(DatasetSession session, IReadOnlyList<string> traceIds)
    {
        string[] ids = [.. traceIds.Distinct()];
        string wanted = $"trace_id IN ({string.Join(", ", ids.Select(Sql.Literal))})";
        Dictionary<string, CapturedTrace> traces = ids.Length == 0 ? [] : Traces(session, wanted);
        if (traces.Count == 0)
        {
            return [];
        }

        Dictionary<string, IReadOnlyList<FindingRow>> findings = FindingsReader.Read(session, [.. ids.Where(traces.ContainsKey)]);
        ILookup<string, long> faults = Of(session, $"SELECT trace_id, count(*) FROM faults WHERE {wanted} GROUP BY trace_id", r => r.GetInt64(1));
        ILookup<string, string> unread = Of(session, $"SELECT trace_id, warning FROM (SELECT trace_id, unnest(warnings) AS warning FROM traces WHERE {wanted}) WHERE warning LIKE '%are in no known form%'", r => r.GetString(1));
        ILookup<string, StuckFault> stuck = Stuck(session, wanted);
        ILookup<string, FidelityLine> fidelity = Fidelity(session, wanted);
        ILookup<string, OutcomeCount> outcomes = Outcomes(session, wanted);
        ILookup<string, (string, long)> kinds = Of(
            session,
            $"SELECT trace_id, kind, count(*) FROM faults WHERE {wanted} AND kind IN ('nested', 'guest_memfd', 'shadow') GROUP BY ALL ORDER BY 3 DESC, 2",
            r => (r.GetString(1), r.GetInt64(2)));
        ILookup<string, (string, string, long)> broken = Of(
            session,
            $"SELECT trace_id, invariant, name, sum(violated)::BIGINT FROM invariants WHERE {wanted} AND model = 'kernel' AND violated > 0 GROUP BY ALL ORDER BY 4 DESC, 2",
            r => (r.GetString(1), r.GetString(2), r.GetInt64(3)));
        ILookup<string, int> @checked = Of(
            session,
            $"SELECT trace_id, count(DISTINCT invariant)::INTEGER FROM invariants WHERE {wanted} AND model = 'kernel' AND checked > 0 GROUP BY trace_id",
            r => r.GetInt32(1));
        Dictionary<string, IReadOnlyList<string>> advice = Advice(session, [.. traces.Values.Where(t => faults[t.Id].FirstOrDefault() > 0 && !IsMostlyJudged(fidelity[t.Id]))]);
        ILookup<string, DivergenceLine> divergences = Of(
            session,
            $"""
            SELECT trace_id, model_a, model_b, outcome_a, outcome_b, coalesce(page_kind, 'unknown'), cause, count(*) AS n
            FROM divergences WHERE {wanted} GROUP BY ALL ORDER BY n DESC, model_a, model_b, cause, outcome_a, outcome_b, 6
            """,
            r => new DivergenceLine(r.GetString(1), r.GetString(2), Text(r, 3), Text(r, 4), r.GetString(5), Text(r, 6), r.GetInt64(7)));
        ILookup<string, AssumptionLine> assumptions = Of(
            session,
            $"""
            SELECT trace_id, assumption, value, share, detail FROM assumptions
            WHERE {wanted} ORDER BY try_cast(regexp_extract(assumption, '[0-9]+') AS INTEGER), value
            """,
            r => new AssumptionLine(r.GetString(1), Text(r, 2), r.IsDBNull(3) ? null : r.GetDouble(3), Text(r, 4)));
        return [.. ids.Where(traces.ContainsKey).Select(id => new TraceSummary
        {
            Trace = traces[id],
            Faults = faults[id].FirstOrDefault(),
            Unread = [.. unread[id]],
            Findings = findings.GetValueOrDefault(id, []),
            Stuck = stuck[id].FirstOrDefault(),
            Fidelity = [.. fidelity[id]],
            Outcomes = [.. outcomes[id]],
            OtherKinds = [.. kinds[id]],
            Broken = [.. broken[id]],
            Checked = @checked[id].FirstOrDefault(),
            Advice = advice.GetValueOrDefault(id, []),
            Divergences = [.. divergences[id]],
            Assumptions = [.. assumptions[id]],
        })];
    }

    private static Dictionary<string, CapturedTrace> Traces(DatasetSession session, string wanted) => session.Select(
        $"""
        SELECT trace_id, path, format, kernel, arch, clock, clock_unit, cpus, start_ns, end_ns, events, lost, complete, sha256, host
        FROM traces WHERE {wanted}
        """,
        r => new CapturedTrace(
            r.GetString(0), Text(r, 1) ?? "", Text(r, 2) ?? "", Text(r, 3), Text(r, 4), Text(r, 5), Text(r, 6), Number(r, 7) is { } cpus ? (int)cpus : null,
            Number(r, 8), Number(r, 9), Number(r, 10) ?? 0, Number(r, 11), !r.IsDBNull(12) && r.GetBoolean(12))
        { Sha256 = Text(r, 13), Host = Text(r, 14) })
        .ToDictionary(trace => trace.Id);

    private static bool IsMostlyJudged(IEnumerable<FidelityLine> lines) =>
        lines.FirstOrDefault(f => f.Quantity == FidelityLine.Outcome) is { } outcome && outcome.Covered >= MostlyJudged * outcome.Total;

    private static Dictionary<string, IReadOnlyList<string>> Advice(DatasetSession session, IReadOnlyList<CapturedTrace> traces)
    {
        if (traces.Count == 0)
        {
            return [];
        }

        string wanted = $"trace_id IN ({string.Join(", ", traces.Select(t => Sql.Literal(t.Id)))})";
        ILookup<string, (string Event, long Records)> events = Of(
            session, $"SELECT trace_id, system || ':' || event, sum(records)::BIGINT FROM event_counts WHERE {wanted} GROUP BY ALL", r => (r.GetString(1), r.GetInt64(2)));
        ILookup<string, ProbeSite> probes = Of(
            session,
            $"SELECT trace_id, replace(event, '.', ':'), function, is_return FROM probe_sites WHERE {wanted} AND function IS NOT NULL",
            r => new ProbeSite(r.GetString(1), r.GetString(2), r.GetBoolean(3)));
        return traces.ToDictionary(t => t.Id, IReadOnlyList<string> (t) =>
        {
            CaptureContents contents = new(t.Kernel, t.Clock, t.Lost, events[t.Id].ToDictionary(e => e.Event, e => e.Records), [.. probes[t.Id]]);
            contents = contents with { Machine = Machines.Of(t.Arch, t.Kernel, contents.Events.Keys) };
            return [.. CoverageAdvice.For(contents).Take(MostAdvised).Select(gain => gain.Source.Kind == SourceKind.Event ? gain.Source.Name : $"a {gain.Source.Advice}")];
        });
    }

    private static ILookup<string, OutcomeCount> Outcomes(DatasetSession session, string wanted) => Of(
        session,
        $"""
        WITH same AS (
            -- Traces whose outcomes all have their fault's page kind, as nearly all do: sums of both tell it, without a join of all rows.
            SELECT trace_id
            FROM (SELECT trace_id, bit_xor(hash(fault_id, page_kind)) AS kinds FROM faults WHERE {wanted} GROUP BY trace_id) f
            JOIN (SELECT trace_id, model, setting, bit_xor(hash(fault_id, page_kind)) AS kinds FROM outcomes WHERE {wanted} GROUP BY ALL) o USING (trace_id)
            GROUP BY trace_id
            HAVING bool_and(o.kinds = f.kinds)
        ), told AS (
            SELECT trace_id, fault_id, max(page_kind) AS page_kind FROM outcomes WHERE {wanted} AND trace_id NOT IN (FROM same) GROUP BY ALL
        ), kinds AS (
            -- One kind for each fault, or its counts would not stand side by side.
            SELECT f.trace_id, f.fault_id, f.observed_outcome, coalesce(f.page_kind, o.page_kind) AS page_kind
            FROM (FROM faults WHERE {wanted} AND trace_id NOT IN (FROM same)) f LEFT JOIN told o USING (trace_id, fault_id)
        ), counted AS (
            SELECT trace_id, page_kind, NULL AS model, NULL AS setting, observed_outcome AS outcome, count(*) AS n FROM faults WHERE {wanted} AND trace_id IN (FROM same) GROUP BY ALL
            UNION ALL
            SELECT trace_id, page_kind, model, setting, coalesce(outcomes, outcome), count(*) FROM outcomes WHERE {wanted} AND trace_id IN (FROM same) GROUP BY ALL
            UNION ALL
            SELECT trace_id, page_kind, NULL, NULL, observed_outcome, count(*) FROM kinds GROUP BY ALL
            UNION ALL
            SELECT o.trace_id, k.page_kind, o.model, o.setting, coalesce(o.outcomes, o.outcome), count(*) FROM (FROM outcomes WHERE {wanted}) o JOIN kinds k USING (trace_id, fault_id) GROUP BY ALL
        )
        SELECT trace_id, coalesce(page_kind, 'unknown'), coalesce(outcome, 'UNKNOWN'), coalesce(model || ' ' || coalesce(setting, ''), '{Observed}'), n
        FROM counted
        ORDER BY n DESC, 2, 3, 4
        """,
        r => new OutcomeCount(r.GetString(1), r.GetString(2), r.GetString(3).TrimEnd(), r.GetInt64(4)));

    // As queries/stuck_faults.sql has it.
    private static ILookup<string, StuckFault> Stuck(DatasetSession session, string wanted) => Of(
        session,
        $"""
        WITH suspects AS (
            SELECT DISTINCT trace_id, pid FROM faults WHERE {wanted} AND gfn IS NOT NULL AND coalesce(observed_outcome, '') NOT IN ('FIXED', 'FIXED_FAST')
        ), suspected AS NOT MATERIALIZED (
            FROM faults WHERE {wanted} AND (trace_id, pid) IN (FROM suspects)
        ), ordered AS (
            {Relations.Expand(Relations.Named("neighbours").Sql, _ => "suspected")}
        ), runs AS (
            SELECT trace_id, vm, vcpu, pid, gfn, access, run, count(*) AS times, max(ts_ns) - min(ts_ns) AS lasted, min(seq) AS first_seq, max(end_seq) AS last_seq,
                   count(*) FILTER (observed_outcome IN ('FIXED', 'FIXED_FAST')) AS spte_set,
                   count(*) FILTER (observed_outcome IN ('EMULATE', 'WRITE_PROTECTED', 'ASYNC', 'ABORT')) AS other_ways, bool_or(is_last) AS at_end
            FROM ordered GROUP BY ALL
            HAVING other_ways = 0 AND spte_set < times AND (times >= 3 OR (times = 2 AND at_end))
        ), worst AS (
            SELECT *, count(*) OVER (PARTITION BY trace_id) AS all_runs FROM runs
            QUALIFY row_number() OVER (PARTITION BY trace_id ORDER BY times DESC, first_seq) = 1
        ), met AS (
            SELECT o.trace_id, count(DISTINCT o.fault_id) AS faults
            FROM worst
            JOIN ordered o ON o.trace_id = worst.trace_id AND o.pid = worst.pid AND o.gfn = worst.gfn AND o.access = worst.access AND o.run = worst.run
            JOIN windows w ON w.trace_id = o.trace_id AND w.vm = o.vm AND w.start_seq < o.end_seq AND coalesce(w.end_seq, 9223372036854775807) > o.seq
            WHERE w.slots IS NULL OR w.slots > 0
            GROUP BY o.trace_id
        )
        SELECT trace_id, all_runs, vcpu, pid, gfn, access, times, lasted, spte_set, coalesce(met.faults, 0), at_end
        FROM worst LEFT JOIN met USING (trace_id)
        """,
        r => new StuckFault(r.GetInt64(1), Number(r, 2) is { } vcpu ? (int)vcpu : null, r.GetInt32(3), Convert.ToUInt64(r.GetValue(4), System.Globalization.CultureInfo.InvariantCulture), r.GetString(5), r.GetInt64(6), r.GetInt64(7), r.GetInt64(8), r.GetInt64(9), r.GetBoolean(10)));

    private static ILookup<string, FidelityLine> Fidelity(DatasetSession session, string wanted)
    {
        List<(string Trace, FidelityLine Line)> lines = session.Select(
            $"""
            SELECT trace_id, model, setting, quantity, matched, in_set, missed, lost, read_off, unknown, unobserved FROM fidelity
            WHERE {wanted} AND total > 0 ORDER BY model, quantity != 'outcome', quantity
            """,
            r => (r.GetString(0), new FidelityLine(r.GetString(1), Text(r, 2), r.GetString(3))
            {
                Matched = Number(r, 4) ?? 0,
                InSet = Number(r, 5) ?? 0,
                Missed = Number(r, 6) ?? 0,
                Lost = Number(r, 7) ?? 0,
                ReadOff = Number(r, 8) ?? 0,
                Unknown = Number(r, 9) ?? 0,
                Unobserved = Number(r, 10) ?? 0,
            }));
        Dictionary<(string, string, string), int> sets = lines.Exists(line => line.Line.InSet > 0 && line.Line.Quantity == FidelityLine.Outcome)
            ? LargestSets(session, wanted)
            : [];
        return lines.ToLookup(
            line => line.Trace,
            line => line.Line.InSet == 0 || line.Line.Quantity != FidelityLine.Outcome ? line.Line : line.Line with { LargestSet = sets.GetValueOrDefault((line.Trace, line.Line.Model, line.Line.Setting ?? "")) });
    }

    private static Dictionary<(string Trace, string Model, string Setting), int> LargestSets(DatasetSession session, string wanted) => session.Select(
        $"SELECT trace_id, model, coalesce(setting, ''), coalesce(max(len(string_split(outcomes, '|'))), 0)::INTEGER FROM outcomes WHERE {wanted} GROUP BY ALL",
        r => (Key: (r.GetString(0), r.GetString(1), r.GetString(2)), Largest: r.GetInt32(3)))
        .ToDictionary(r => r.Key, r => r.Largest);

    /// <summary>Rows by their trace, which is the first column.</summary>
    private static ILookup<string, T> Of<T>(DatasetSession session, string sql, Func<DuckDBDataReader, T> map) =>
        session.Select(sql, r => (Trace: r.GetString(0), Row: map(r))).ToLookup(r => r.Trace, r => r.Row);

    private static string? Text(DuckDBDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private static long? Number(DuckDBDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : Convert.ToInt64(reader.GetValue(column), System.Globalization.CultureInfo.InvariantCulture);
}
