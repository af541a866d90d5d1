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
        Cause = "unknown",
        Advice = "Record the probes of `tracereplay probes` and group kvmmmu: they tell a window that stays open from an SPTE that is taken away.",
        Certainty = "measured",
        Recognised = "Two or more faults of one vCPU on one page and access in a row at the end of the capture, or ten elsewhere, none of which set an SPTE, met a window, or met another vCPU that was mapping the same page. Where the vCPU went on it is a warning.",
        Needs = ["outcome RETRY|outcome UNKNOWN", "repeats"],
        Sql = $$"""
            WITH runs AS (
                SELECT * FROM @runs WHERE spte_set = 0 AND unchanged = 0 AND in_window = 0 AND shared < times - 1 AND (at_end OR times >= 10)
            ), worst AS (
                SELECT trace_id, count(*) AS runs, sum(times)::BIGINT AS faults, count(DISTINCT gfn) AS pages, min(first_fault) AS first_fault, min(first_seq) AS first_seq, arg_max(runs, (at_end, times)) AS w
                FROM runs GROUP BY trace_id
            )
            SELECT trace_id,
                {{Steps.WhoFaults}} || ', no SPTE set and no MMU notifier invalidation seen' AS title,
                faults, pages, first_fault, first_seq,
                format('{} faults, none ended in a mapping{}{}', w.times, if(w.at_end, '', '; the vCPU went on behind them'), if(runs > 1, format('; {} other {} likewise', runs - 1, if(runs = 2, 'run', 'runs')), '')) AS evidence,
                if(w.at_end, NULL, 'warning') AS severity
            FROM worst
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gfn) AS gfn, access, observed_outcome FROM faults WHERE trace_id = 'TRACE' ORDER BY pid, seq",
    };
}
