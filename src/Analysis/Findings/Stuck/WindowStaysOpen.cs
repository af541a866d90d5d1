namespace TraceReplay.Analysis.Findings.Stuck;

/// <summary>A fault that a window which never ends sends back.</summary>
internal static class WindowStaysOpen
{
    public static Finding Finding { get; } = new()
    {
        Id = "window-stays-open",
        Severity = Severity.Critical,
        Title = "A notifier window stays open, and the vCPU retries for ever",
        Meaning = "The fault must be retried while a window over its page is open, and the window does not end: its task sleeps inside (userfaultfd, a driver that waits), or its end was missed. The vCPU makes no progress.",
        Kernels = "All.",
        Doing = "host",
        Remedy = "See who opened it: query stuck_faults, view windows (cause, pid), and what that task waits for.",
        Certainty = "measured",
        Recognised = "Two or more faults of one vCPU on one page and access in a row, none of which set an SPTE, all while one and the same window was open, up to the end of the capture; or ten that did not end so.",
        Needs = ["slotted", "repeats"],
        Sql = """
            WITH runs AS (
                SELECT * FROM @runs WHERE spte_set = 0 AND unchanged = 0 AND in_window >= times AND windows <= 2 AND (at_end OR times >= 10)
            ), worst AS (
                SELECT trace_id, count(*) AS runs, sum(times)::BIGINT AS faults, count(DISTINCT gfn) AS pages, min(first_fault) AS first_fault, min(first_seq) AS first_seq, arg_max(runs, times) AS w
                FROM runs GROUP BY trace_id
            )
            SELECT trace_id,
                format('{} faults on guest page 0x{:x} ({}) {} times in a row{}: a window over it is open and does not end', if(w.vcpu IS NULL, format('thread {}', w.pid), format('vCPU {}', w.vcpu)), w.gfn, CASE w.access WHEN 'w' THEN 'write' WHEN 'x' THEN 'fetch' ELSE 'read' END, w.times, if(w.at_end, ', up to the end of the capture', '')) AS title,
                faults, pages, first_fault, first_seq,
                format('{} of {} faults met an open window, {} different windows{}', w.in_window, w.times, w.windows, if(runs > 1, format('; {} other runs likewise', runs - 1), '')) AS evidence
            FROM worst
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gfn) AS gfn, access, observed_outcome FROM faults WHERE trace_id = 'TRACE' ORDER BY pid, seq",
    };
}
