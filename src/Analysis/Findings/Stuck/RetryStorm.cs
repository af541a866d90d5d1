namespace TraceReplay.Analysis.Findings.Stuck;

/// <summary>Livelock between windows and retries.</summary>
internal static class RetryStorm
{
    public static Finding Finding { get; } = new()
    {
        Id = "retry-storm",
        Severity = Severity.Warning,
        Title = "Faults are retried again and again: MMU notifier invalidations, or another vCPU, are in the way",
        Meaning = "Each time the fault is about to map the page, an invalidation (between invalidate_range_start and _end) is in progress or has just ended, so the fault starts over: somebody invalidates guest memory faster than the guest can map it, or one invalidation takes long. On arm64 the fault also starts over while another vCPU changes the same stage-2 entry. It ends when that stops; until then the vCPU burns time.",
        Kernels = "All.",
        Cause = "host",
        Advice = "Quieten who opens the windows: query retry_storms names the caller (khugepaged, KSM, madvise, mprotect).",
        Certainty = "measured",
        Recognised = "Five or more retries in a row of one page and access by one vCPU that met at least three different windows of other tasks; or ten or more that all fell into one window that ended, or into another vCPU's fault on the same page.",
        Needs = ["outcome RETRY", "repeats"],
        Sql = $$"""
            WITH runs AS (
                SELECT * FROM @runs WHERE (retries >= 5 AND other_windows >= 3) OR (retries >= 10 AND in_window >= retries AND NOT (at_end AND open)) OR (retries >= 10 AND shared >= retries)
            ), worst AS (
                SELECT trace_id, count(*) AS runs, sum(times)::BIGINT AS faults, count(DISTINCT gfn) AS pages, min(first_fault) AS first_fault, min(first_seq) AS first_seq, arg_max(runs, times) AS w
                FROM runs GROUP BY trace_id
            )
            SELECT trace_id,
                {{Steps.WhoFaults}} || CASE WHEN w.shared >= w.retries AND w.other_windows < 3 THEN ': another vCPU is mapping the same page meanwhile' WHEN w.other_windows < 3 THEN ': retried until one long MMU notifier invalidation ended' ELSE ': retried, each time another MMU notifier invalidation is in the way' END AS title,
                faults, pages, first_fault, first_seq,
                format('{} retries, {} invalidations ({}){}', w.retries, w.windows, coalesce(w.cause, 'cause not recorded'), if(runs > 1, format('; {} other {} likewise', runs - 1, if(runs = 2, 'run', 'runs')), '')) AS evidence
            FROM worst
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gfn) AS gfn, access, observed_outcome FROM faults WHERE trace_id = 'TRACE' ORDER BY pid, seq",
    };
}
