namespace TraceReplay.Analysis.Findings.Stuck;

/// <summary>A fault that a window which never ends sends back.</summary>
internal static class WindowStaysOpen
{
    public static Finding Finding { get; } = new()
    {
        Id = "window-stays-open",
        Severity = Severity.Critical,
        Title = "An MMU notifier invalidation does not end, and the vCPU retries for ever",
        Meaning = "The fault must be retried between invalidate_range_start and _end of an invalidation, and the end does not come: its task sleeps inside (userfaultfd, a driver that waits), or its end was missed. The vCPU makes no progress.",
        Kernels = "All.",
        Cause = "host",
        Advice = "See who opened it: query stuck_faults, view windows (cause, pid), and what that task waits for.",
        Certainty = "measured",
        Recognised = "Two or more faults of one vCPU on one page and access in a row, none of which set an SPTE, up to the end of the capture, all in one window whose end the capture does not have.",
        Needs = ["repeats"],
        Sql = $$"""
            WITH runs AS (
                SELECT * FROM @runs WHERE spte_set = 0 AND unchanged = 0 AND in_window >= times AND windows <= 2 AND at_end AND open
            ), worst AS (
                SELECT trace_id, count(*) AS runs, sum(times)::BIGINT AS faults, count(DISTINCT gfn) AS pages, min(first_fault) AS first_fault, min(first_seq) AS first_seq, arg_max(runs, times) AS w
                FROM runs GROUP BY trace_id
            )
            SELECT trace_id,
                {{Steps.WhoFaults}} || format(': an MMU notifier invalidation{} is in progress and does not end', if(w.cause IS NULL, '', format(' ({})', w.cause))) AS title,
                faults, pages, first_fault, first_seq,
                format('{} of {} faults fell into it{}', w.in_window, w.times, if(runs > 1, format('; {} other runs likewise', runs - 1), '')) AS evidence
            FROM worst
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gfn) AS gfn, access, observed_outcome FROM faults WHERE trace_id = 'TRACE' ORDER BY pid, seq",
    };
}
