namespace TraceReplay.Analysis.Findings.Storms;

/// <summary>Memslots come and go, and each time all is zapped.</summary>
internal static class SlotChurn
{
    public static Finding Finding { get; } = new()
    {
        Id = "slot-churn",
        Severity = Severity.Warning,
        Title = "Memslots are deleted again and again, and the guest faults its memory in anew",
        Meaning = "Deleting or moving a memslot zaps all of a VM's SPTEs on x86 (a quirk that VMs rely on; KVM_X86_QUIRK_SLOT_ZAP_ALL lets go of it from 6.13 on): every page that the guest had mapped faults again. BARs that are moved, ROMs that are switched and display memory do it.",
        Kernels = "x86, all; from 6.13 on a VMM can turn the quirk off.",
        Cause = "vmm",
        Advice = "Delete less (change flags instead), collect changes, or disable the quirk.",
        Certainty = "inferred",
        Recognised = "At least 8 memslots deleted, and at least 64 faults that map again what was mapped before the last deletion and what no window took away.",
        Needs = ["8 set_region", "faults"],
        Sql = """
            WITH gone AS (
                SELECT trace_id, seq FROM @regions WHERE size = 0
            ), many AS (
                SELECT trace_id, count(*) AS deletions, min(seq) AS first_seq FROM gone GROUP BY trace_id HAVING count(*) >= 8
            ), seen AS (
                SELECT trace_id, fault_id, gfn, seq, lag(seq) OVER (PARTITION BY trace_id, vm, as_id, gfn, access ORDER BY seq) AS before FROM @faults WHERE observed_outcome = 'FIXED'
            ), last AS (
                SELECT s.*, g.seq AS deleted FROM (SELECT * FROM seen WHERE before IS NOT NULL AND trace_id IN (SELECT trace_id FROM many)) s ASOF JOIN gone g ON g.trace_id = s.trace_id AND g.seq < s.seq
            ), again AS (
                SELECT l.trace_id, count(*) AS faults, count(DISTINCT l.gfn) AS pages, min(l.fault_id) AS first_fault
                FROM last l LEFT JOIN @refaults r USING (trace_id, fault_id)
                WHERE l.deleted > l.before AND r.fault_id IS NULL GROUP BY l.trace_id
            )
            SELECT a.trace_id, format('{} memslot deletions zapped all SPTEs of the VM: {} faults on {} pages that were mapped before', m.deletions, a.faults, a.pages) AS title,
                a.faults, a.pages, a.first_fault, m.first_seq, format('{} memslot calls with size 0, kvm_mmu_zap_all_fast {}', m.deletions, (SELECT count(*) FROM @zap_all z WHERE z.trace_id = a.trace_id)) AS evidence
            FROM again a JOIN many m USING (trace_id) WHERE a.faults >= 64
            """,
        Rows = "SELECT seq, slot & 65535 AS slot, format('0x{:x}', gpa) AS gpa, size FROM set_region WHERE trace_id = 'TRACE'",
    };
}
