namespace TraceReplay.Analysis.Findings.Memory;

/// <summary>A fault replaced a page table by a huge leaf.</summary>
internal static class TableReplaced
{
    public static Finding Finding { get; } = new()
    {
        Id = "table-replaced",
        Severity = Severity.Note,
        Title = "A page table is replaced by a huge page inside a fault",
        Meaning = "The host's memory had become huge, and a fault mapped it so: the page table below goes, with every 4 KiB leaf in it (up to 512 zaps in the fault of one vCPU, and a flush).",
        Kernels = "x86 with the TDP MMU, 5.10 and later.",
        Cause = "kernel",
        Advice = "Nothing, unless it happens often: then khugepaged and something that splits (dirty logging, NX mitigation) undo each other's work.",
        Certainty = "measured",
        Recognised = "kvm_tdp_mmu_spte_changed of a present page table to a huge leaf at level 2 or 3, by a task that faults.",
        Needs = ["event kvm_tdp_mmu_spte_changed", "faults"],
        Sql = """
            SELECT c.trace_id, format('{} page table{} replaced by a huge page inside a fault (first at gfn 0x{:x}, level {})', count(*), if(count(*) > 1, 's were', ' was'), arg_min(c.gfn, c.seq), arg_min(c.level, c.seq)) AS title,
                count(*) AS faults, count(*) AS pages, NULL::BIGINT AS first_fault, min(c.seq) AS first_seq, format('{} SPTEs changed from a table to a leaf', count(*)) AS evidence
            FROM @collapses c
            SEMI JOIN (SELECT DISTINCT trace_id, pid FROM @faults) f ON f.trace_id = c.trace_id AND f.pid = c.pid
            GROUP BY c.trace_id
            """,
        Rows = "SELECT seq, format('0x{:x}', gfn) AS gfn, level, format('0x{:x}', old_spte) AS old, format('0x{:x}', new_spte) AS new FROM kvm_tdp_mmu_spte_changed WHERE trace_id = 'TRACE' AND level > 1 AND new_spte & 128 <> 0",
    };
}
