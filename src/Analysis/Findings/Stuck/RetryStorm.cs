namespace TraceReplay.Analysis.Findings.Stuck;

/// <summary>Livelock between windows and retries.</summary>
internal static class RetryStorm
{
    public static Finding Finding { get; } = new()
    {
        Id = "retry-storm",
        Severity = Severity.Warning,
        Title = "Faults lose against windows again and again",
        Meaning = "Each time the fault is about to map the page, another window over it is open or has just ended, so it starts over: somebody invalidates the same memory faster than the guest can map it. It ends when that stops; until then the vCPU burns time.",
        Kernels = "All.",
        Doing = "host",
        Remedy = "Quieten who opens the windows: query retry_storms names the caller (khugepaged, KSM, madvise, mprotect).",
        Certainty = "measured",
        Recognised = "Five or more retries in a row of one page and access by one vCPU that met at least three different windows of other tasks.",
        Needs = ["slotted", "outcome RETRY", "repeats"],
        Sql = """
            WITH runs AS (
                SELECT * FROM @runs WHERE retries >= 5 AND other_windows >= 3
            ), worst AS (
                SELECT trace_id, count(*) AS runs, sum(times)::BIGINT AS faults, count(DISTINCT gfn) AS pages, min(first_fault) AS first_fault, min(first_seq) AS first_seq, arg_max(runs, times) AS w
                FROM runs GROUP BY trace_id
            )
            SELECT trace_id,
                format('{} faults on guest page 0x{:x} ({}) {} times in a row{}: each time another window is in the way', if(w.vcpu IS NULL, format('thread {}', w.pid), format('vCPU {}', w.vcpu)), w.gfn, CASE w.access WHEN 'w' THEN 'write' WHEN 'x' THEN 'fetch' ELSE 'read' END, w.times, if(w.at_end, ', up to the end of the capture', '')) AS title,
                faults, pages, first_fault, first_seq,
                format('{} retries, {} different windows{}', w.retries, w.windows, if(runs > 1, format('; {} other runs likewise', runs - 1), '')) AS evidence
            FROM worst
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gfn) AS gfn, access, observed_outcome FROM faults WHERE trace_id = 'TRACE' ORDER BY pid, seq",
    };
}
