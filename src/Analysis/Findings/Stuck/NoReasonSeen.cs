namespace TraceReplay.Analysis.Findings.Stuck;

/// <summary>A fault without progress and without a reason.</summary>
internal static class NoReasonSeen
{
    public static Finding Finding { get; } = new()
    {
        Id = "no-progress",
        Severity = Severity.Critical,
        Title = "The same fault again and again, and nothing recorded explains it",
        Meaning = "The vCPU enters the guest without a mapping and faults again at once. No SPTE was set, and no window was open as far as the capture shows. Without the records of windows and SPTEs it cannot be told which of the two it is.",
        Kernels = "All.",
        Doing = "unknown",
        Remedy = "Record the probes of `tracereplay probes` and group kvmmmu: they tell a window that stays open from an SPTE that is taken away.",
        Certainty = "measured",
        Recognised = "Two or more faults of one vCPU on one page and access in a row at the end of the capture, or ten elsewhere, none of which set an SPTE or met a window.",
        Needs = ["outcome RETRY|outcome UNKNOWN", "repeats"],
        Sql = """
            WITH runs AS (
                SELECT * FROM @runs WHERE spte_set = 0 AND unchanged = 0 AND in_window = 0 AND (at_end OR times >= 10)
            ), worst AS (
                SELECT trace_id, count(*) AS runs, sum(times)::BIGINT AS faults, count(DISTINCT gfn) AS pages, min(first_fault) AS first_fault, min(first_seq) AS first_seq, arg_max(runs, times) AS w
                FROM runs GROUP BY trace_id
            )
            SELECT trace_id,
                format('{} faults on guest page 0x{:x} ({}) {} times in a row{}: no SPTE was seen set and no window open', if(w.vcpu IS NULL, format('thread {}', w.pid), format('vCPU {}', w.vcpu)), w.gfn, CASE w.access WHEN 'w' THEN 'write' WHEN 'x' THEN 'fetch' ELSE 'read' END, w.times, if(w.at_end, ', up to the end of the capture', '')) AS title,
                faults, pages, first_fault, first_seq,
                format('{} faults, none with an SPTE or a window{}', w.times, if(runs > 1, format('; {} other runs likewise', runs - 1), '')) AS evidence
            FROM worst
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gfn) AS gfn, access, observed_outcome FROM faults WHERE trace_id = 'TRACE' ORDER BY pid, seq",
    };
}
