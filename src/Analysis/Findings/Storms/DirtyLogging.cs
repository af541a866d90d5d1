namespace TraceReplay.Analysis.Findings.Storms;

/// <summary>Write faults that exist because dirty logging took write access away.</summary>
internal static class DirtyLogging
{
    public static Finding Finding { get; } = new()
    {
        Id = "dirty-logging",
        Severity = Severity.Note,
        Title = "Dirty logging: each page written faults once a round",
        Meaning = "While a memslot logs dirty pages its SPTEs are write-protected (or its dirty bits cleared), so each page that the guest writes faults once after each round, and huge pages are split. Live migration and display updates do it.",
        Kernels = "All.",
        Cause = "vmm",
        Advice = "Fewer rounds; larger steps; manual protection (KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2), PML on Intel.",
        Certainty = "inferred",
        Recognised = "At least 64 write faults that were fixed by giving an SPTE that is there write access back (FIXED_FAST).",
        Needs = ["outcome FIXED_FAST"],
        Sql = """
            SELECT f.trace_id, format('{} write faults only made a mapped SPTE writable again: dirty logging{}', count(*), coalesce(any_value(format(' (turned on by {} memslot calls)', l.calls)), '')) AS title,
                count(*) AS faults, count(DISTINCT f.gfn) AS pages, min(f.fault_id) AS first_fault, min(f.seq) AS first_seq,
                format('{} faults FIXED_FAST on {} pages{}', count(*), count(DISTINCT f.gfn), if(any_value(l.calls) IS NULL, '; no memslot call with the logging flag is recorded', '')) AS evidence
            FROM @faults f LEFT JOIN (SELECT trace_id, count(*) AS calls FROM @regions WHERE flags & 1 <> 0 AND size > 0 GROUP BY trace_id) l USING (trace_id)
            WHERE f.observed_outcome = 'FIXED_FAST' AND f.access = 'w' GROUP BY f.trace_id HAVING count(*) >= 64
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gfn) AS gfn FROM faults WHERE trace_id = 'TRACE' AND observed_outcome = 'FIXED_FAST'",
    };
}
