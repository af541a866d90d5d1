using DuckDB.NET.Data;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Summary;

/// <summary>Reads what a summary shows off the views.</summary>
public static class SummaryReader
{
    public const string Observed = "observed";

    /// <summary>The traces in the order asked for; one that the dataset does not hold is left out.</summary>
    public static IReadOnlyList<TraceSummary> Read(DatasetSession session, IReadOnlyList<string> traceIds) =>
        [.. traceIds.Distinct().SelectMany(id => Trace(session, id)).Select(trace => Read(session, trace))];

    private static List<CapturedTrace> Trace(DatasetSession session, string id) => session.Select(
        """
        SELECT trace_id, path, format, kernel, arch, clock, clock_unit, cpus, start_ns, end_ns, events, lost, complete
        FROM traces WHERE trace_id = $id
        """,
        r => new CapturedTrace(
            r.GetString(0), Text(r, 1) ?? "", Text(r, 2) ?? "", Text(r, 3), Text(r, 4), Text(r, 5), Text(r, 6), Number(r, 7) is { } cpus ? (int)cpus : null,
            Number(r, 8), Number(r, 9), Number(r, 10) ?? 0, Number(r, 11), !r.IsDBNull(12) && r.GetBoolean(12)),
        ("id", id));

    private static TraceSummary Read(DatasetSession session, CapturedTrace trace) => new()
    {
        Trace = trace,
        Faults = session.Select("SELECT count(*) FROM faults WHERE trace_id = $id", r => r.GetInt64(0), ("id", trace.Id))[0],
        Unread = session.Select(
            "SELECT warning FROM (SELECT unnest(warnings) AS warning FROM traces WHERE trace_id = $id) WHERE warning LIKE '%are in no known form%'",
            r => r.GetString(0),
            ("id", trace.Id)),
        Findings = FindingsReader.Read(session, trace.Id),
        Stuck = Stuck(session, trace),
        Fidelity = [.. Fidelity(session, trace)],
        Outcomes = session.Select(
            $"""
            WITH f AS (SELECT fault_id, page_kind, observed_outcome FROM faults WHERE trace_id = $id),
                 o AS (SELECT fault_id, page_kind, coalesce(outcomes, outcome) AS outcome, model || ' ' || coalesce(setting, '') AS source FROM outcomes WHERE trace_id = $id),
                 -- One kind for each fault, or its counts would not stand side by side.
                 k AS (SELECT f.fault_id, coalesce(any_value(f.page_kind), max(o.page_kind), 'unknown') AS page_kind FROM f LEFT JOIN o USING (fault_id) GROUP BY 1)
            SELECT k.page_kind, coalesce(f.observed_outcome, 'UNKNOWN'), '{Observed}', count(*) AS n FROM f JOIN k USING (fault_id) GROUP BY 1, 2
            UNION ALL
            SELECT k.page_kind, coalesce(o.outcome, 'UNKNOWN'), o.source, count(*) FROM o JOIN k USING (fault_id) GROUP BY 1, 2, 3
            ORDER BY n DESC, 1, 2, 3
            """,
            r => new OutcomeCount(r.GetString(0), r.GetString(1), r.GetString(2).TrimEnd(), r.GetInt64(3)),
            ("id", trace.Id)),
        OtherKinds = session.Select(
            "SELECT kind, count(*) FROM faults WHERE trace_id = $id AND kind IN ('nested', 'guest_memfd', 'shadow') GROUP BY kind ORDER BY 2 DESC, 1",
            r => (r.GetString(0), r.GetInt64(1)),
            ("id", trace.Id)),
        Divergences = session.Select(
            """
            SELECT model_a, model_b, outcome_a, outcome_b, coalesce(page_kind, 'unknown'), cause, count(*) AS n
            FROM divergences WHERE trace_id = $id GROUP BY ALL ORDER BY n DESC, model_a, model_b, cause
            """,
            r => new DivergenceLine(r.GetString(0), r.GetString(1), Text(r, 2), Text(r, 3), r.GetString(4), Text(r, 5), r.GetInt64(6)),
            ("id", trace.Id)),
        Assumptions = session.Select(
            """
            SELECT assumption, value, share, detail FROM assumptions
            WHERE trace_id = $id ORDER BY try_cast(regexp_extract(assumption, '[0-9]+') AS INTEGER), value
            """,
            r => new AssumptionLine(r.GetString(0), Text(r, 1), r.IsDBNull(2) ? null : r.GetDouble(2), Text(r, 3)),
            ("id", trace.Id)),
    };

    // As queries/stuck_faults.sql has it.
    private static StuckFault? Stuck(DatasetSession session, CapturedTrace trace) => session.Select(
        """
        WITH ordered AS (
            SELECT fault_id, vm, vcpu, pid, gfn, access, ts_ns, seq, coalesce(end_seq, seq) AS end_seq, observed_outcome,
                   row_number() OVER (PARTITION BY pid ORDER BY seq) - row_number() OVER (PARTITION BY pid, gfn, access ORDER BY seq) AS run,
                   row_number() OVER (PARTITION BY pid ORDER BY seq DESC) = 1 AS is_last
            FROM faults WHERE trace_id = $id AND gfn IS NOT NULL
        ), runs AS (
            SELECT vm, vcpu, pid, gfn, access, run, count(*) AS times, max(ts_ns) - min(ts_ns) AS lasted, min(seq) AS first_seq, max(end_seq) AS last_seq,
                   count(*) FILTER (observed_outcome IN ('FIXED', 'FIXED_FAST')) AS spte_set,
                   count(*) FILTER (observed_outcome IN ('EMULATE', 'WRITE_PROTECTED', 'ASYNC', 'ABORT')) AS other_ways, bool_or(is_last) AS at_end
            FROM ordered GROUP BY ALL
            HAVING other_ways = 0 AND spte_set < times AND (times >= 3 OR (times = 2 AND at_end))
        ), worst AS (SELECT *, count(*) OVER () AS all_runs FROM runs ORDER BY times DESC, first_seq LIMIT 1)
        SELECT all_runs, vcpu, pid, gfn, access, times, lasted, spte_set,
               (SELECT count(DISTINCT o.fault_id) FROM ordered o JOIN windows w ON w.trace_id = $id AND w.vm = o.vm AND w.start_seq < o.end_seq AND coalesce(w.end_seq, 9223372036854775807) > o.seq
                WHERE o.pid = worst.pid AND o.gfn = worst.gfn AND o.access = worst.access AND o.run = worst.run AND (w.slots IS NULL OR w.slots > 0)),
               at_end
        FROM worst
        """,
        r => new StuckFault(r.GetInt64(0), Number(r, 1) is { } vcpu ? (int)vcpu : null, r.GetInt32(2), Convert.ToUInt64(r.GetValue(3), System.Globalization.CultureInfo.InvariantCulture), r.GetString(4), r.GetInt64(5), r.GetInt64(6), r.GetInt64(7), r.GetInt64(8), r.GetBoolean(9)),
        ("id", trace.Id)).FirstOrDefault();

    private static IEnumerable<FidelityLine> Fidelity(DatasetSession session, CapturedTrace trace)
    {
        List<FidelityLine> lines = session.Select(
            """
            SELECT model, setting, quantity, matched, in_set, missed, lost, read_off, unknown, unobserved FROM fidelity
            WHERE trace_id = $id AND total > 0 ORDER BY model, quantity != 'outcome', quantity
            """,
            r => new FidelityLine(r.GetString(0), Text(r, 1), r.GetString(2))
            {
                Matched = Number(r, 3) ?? 0,
                InSet = Number(r, 4) ?? 0,
                Missed = Number(r, 5) ?? 0,
                Lost = Number(r, 6) ?? 0,
                ReadOff = Number(r, 7) ?? 0,
                Unknown = Number(r, 8) ?? 0,
                Unobserved = Number(r, 9) ?? 0,
            },
            ("id", trace.Id));
        return lines.Select(line => line.InSet == 0 || line.Quantity != FidelityLine.Outcome ? line : line with { LargestSet = LargestSet(session, trace, line) });
    }

    private static int LargestSet(DatasetSession session, CapturedTrace trace, FidelityLine line) => session.Select(
        "SELECT coalesce(max(len(string_split(outcomes, '|'))), 0)::INTEGER FROM outcomes WHERE trace_id = $id AND model = $model AND coalesce(setting, '') = $setting",
        r => r.GetInt32(0),
        ("id", trace.Id),
        ("model", line.Model),
        ("setting", line.Setting ?? ""))[0];

    private static string? Text(DuckDBDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private static long? Number(DuckDBDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : Convert.ToInt64(reader.GetValue(column), System.Globalization.CultureInfo.InvariantCulture);
}
