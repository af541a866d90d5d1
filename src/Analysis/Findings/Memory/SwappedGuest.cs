namespace TraceReplay.Analysis.Findings.Memory;

/// <summary>Guest memory was swapped out and the guest waits for it.</summary>
internal static class SwappedGuest
{
    public static Finding Finding { get; } = new()
    {
        Id = "swapped-guest",
        Severity = Severity.Warning,
        Title = "The guest waits for pages that the host reads back",
        Meaning = "The host took guest memory away (reclaim, MADV_PAGEOUT) and the guest touches it again: the fault waits for the device, in the vCPU or as an async page fault. The same page more than once is thrashing.",
        Kernels = "All.",
        Cause = "host",
        Advice = "More memory for the guest, or less overcommit; lock what the guest needs.",
        Certainty = "measured",
        Recognised = "Faults that ended as async page faults, or records of kvm_try_async_get_page; below 64 of them it is a note.",
        Needs = ["outcome ASYNC|event kvm_try_async_get_page"],
        Sql = """
            WITH waited AS (
                SELECT trace_id, gfn, seq, fault_id FROM @faults WHERE observed_outcome = 'ASYNC'
                UNION ALL
                SELECT a.trace_id, a.gfn, a.seq, NULL FROM @async a WHERE NOT EXISTS (SELECT 1 FROM @faults f WHERE f.trace_id = a.trace_id AND f.observed_outcome = 'ASYNC')
            ), pages AS (
                SELECT trace_id, gfn, count(*) AS times, min(seq) AS seq, min(fault_id) AS fault_id FROM waited GROUP BY trace_id, gfn
            )
            SELECT trace_id, format('{} async page fault{} on {} page{} that the host reads back{}', sum(times)::BIGINT, if(sum(times) = 1, '', 's'), count(*), if(count(*) = 1, '', 's'), if(max(times) > 1, format('; gfn 0x{:x} {} times (thrashing)', arg_max(gfn, times), max(times)), '')) AS title,
                sum(times)::BIGINT AS faults, count(*) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq, format('{} pages more than once', count(*) FILTER (times > 1)) AS evidence, if(sum(times) < 64, 'note', NULL) AS severity
            FROM pages GROUP BY trace_id
            """,
        Rows = "FROM kvm_try_async_get_page WHERE trace_id = 'TRACE'",
    };
}
