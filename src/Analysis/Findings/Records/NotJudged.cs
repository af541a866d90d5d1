namespace TraceReplay.Analysis.Findings.Records;

/// <summary>Faults whose end no model can tell.</summary>
internal static class NotJudged
{
    public static Finding Finding { get; } = new()
    {
        Id = "not-judged",
        Severity = Severity.Note,
        Title = "What could not be judged, and what to record",
        Meaning = "The model of the captured kernel says nothing certain of a part of the faults, or no model was compared: what decides their end is not in the capture. Nothing here says that they are right.",
        Kernels = "All.",
        Cause = "capture",
        Advice = "`tracereplay info CAPTURE` says which event or probe each missing fact needs; `tracereplay probes` prints them all. For a text, name the kernel: --kernel RELEASE.",
        Certainty = "measured",
        Recognised = "Less than 95 % of the faults have an outcome that was predicted and observed, or no model was compared at all.",
        Needs = ["faults"],
        Sql = """
            WITH judged AS (
                SELECT t.trace_id, t.kernel, n.faults, n.first_seq, y.matched + y.in_set + y.missed AS covered
                FROM @traces t JOIN (SELECT trace_id, count(*) AS faults, min(seq) AS first_seq FROM @faults GROUP BY trace_id) n USING (trace_id)
                LEFT JOIN (SELECT trace_id, sum(matched)::BIGINT AS matched, sum(in_set)::BIGINT AS in_set, sum(missed)::BIGINT AS missed FROM @fidelity WHERE quantity = 'outcome' GROUP BY trace_id) y USING (trace_id)
            ), assumed AS (
                SELECT trace_id, string_agg(DISTINCT format('{} {}', assumption, value), ', ' ORDER BY format('{} {}', assumption, value)) FILTER (value IN ('assumed', 'unknown')) AS assumed FROM @assumptions GROUP BY trace_id
            )
            SELECT j.trace_id, format('{} of {} faults could not be judged{}', faults - coalesce(covered, 0), faults, if(covered IS NULL, if(kernel IS NULL, ': the capture does not name its kernel', ': no model was compared'), '')) AS title,
                faults - coalesce(covered, 0) AS faults, NULL::BIGINT AS pages, NULL::BIGINT AS first_fault, first_seq, coalesce('assumptions: ' || a.assumed, 'query fidelity says where each fault stands') AS evidence
            FROM judged j LEFT JOIN assumed a USING (trace_id)
            WHERE coalesce(covered, 0) < 0.95 * faults
            """,
        Rows = "FROM fidelity WHERE trace_id = 'TRACE' AND quantity = 'outcome'",
    };
}
