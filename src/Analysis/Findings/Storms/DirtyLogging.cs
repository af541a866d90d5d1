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
        Recognised = "At least 64 write faults that were fixed by giving an SPTE that is there write access back (FIXED_FAST); or, in a memslot with the logging flag, fixed on a page that was mapped before and that no window took away.",
        Needs = ["outcome FIXED_FAST|event set_region"],
        Sql = """
            WITH logging AS (
                SELECT trace_id, seq, slot, gpa, size, flags FROM @slot_calls WHERE size > 0 AND coalesce(ret, 0) = 0
            ), again AS (
                -- A kernel without fast page faults (arm64) maps the page once more: mapped before, taken away by no window.
                SELECT f.*, lag(f.observed_outcome) OVER (PARTITION BY f.trace_id, f.vm, f.as_id, f.gfn ORDER BY f.seq) AS before FROM @faults f WHERE f.trace_id IN (SELECT trace_id FROM logging WHERE flags & 1 <> 0)
            ), written AS (
                SELECT trace_id, fault_id, gfn, seq FROM @faults WHERE observed_outcome = 'FIXED_FAST' AND access = 'w'
                UNION ALL
                SELECT a.trace_id, a.fault_id, a.gfn, a.seq
                FROM (SELECT a.*, l.flags FROM again a JOIN logging l ON l.trace_id = a.trace_id AND l.seq < a.seq AND a.gfn * 4096 >= l.gpa AND a.gfn * 4096 < l.gpa + l.size
                      WHERE a.access = 'w' AND a.observed_outcome = 'FIXED' AND a.before IN ('FIXED', 'FIXED_FAST', 'SPURIOUS')
                      QUALIFY row_number() OVER (PARTITION BY a.trace_id, a.fault_id ORDER BY l.seq DESC) = 1) a
                LEFT JOIN @refaults r USING (trace_id, fault_id)
                WHERE a.flags & 1 <> 0 AND r.fault_id IS NULL
            )
            SELECT f.trace_id, format('{} write faults only made a mapped page writable again: dirty logging{}', count(*), coalesce(any_value(format(' (turned on by {} memslot calls)', l.calls)), '')) AS title,
                count(*) AS faults, count(DISTINCT f.gfn) AS pages, min(f.fault_id) AS first_fault, min(f.seq) AS first_seq,
                format('{} faults on {} pages{}', count(*), count(DISTINCT f.gfn), if(any_value(l.calls) IS NULL, '; no memslot call with the logging flag is recorded', '')) AS evidence
            FROM written f LEFT JOIN (SELECT trace_id, count(*) AS calls FROM @regions WHERE flags & 1 <> 0 AND size > 0 GROUP BY trace_id) l USING (trace_id)
            GROUP BY f.trace_id HAVING count(*) >= 64
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gfn) AS gfn FROM faults WHERE trace_id = 'TRACE' AND observed_outcome = 'FIXED_FAST'",
    };
}
