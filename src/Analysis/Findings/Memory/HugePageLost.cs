namespace TraceReplay.Analysis.Findings.Memory;

/// <summary>The host has a huge page and the guest gets small ones.</summary>
internal static class HugePageLost
{
    public static Finding Finding { get; } = new()
    {
        Id = "huge-page-lost",
        Severity = Severity.Warning,
        Title = "The host has a huge page, the guest gets 4 KiB mappings",
        Meaning = "The memory comes from one huge page of the host, and KVM maps it in 4 KiB pieces: more faults, more page tables, more TLB misses. Reasons: the memslot logs dirty pages; guest and host address are not congruent modulo 2 MiB; the memslot begins or ends inside the huge page; the page is executed and the NX mitigation splits it; something else disallows large pages there.",
        Kernels = "All.",
        Cause = "vmm",
        Advice = "By the reason: end dirty logging, align the memslot (gpa and address of the VMM equal modulo 2 MiB), or weigh nx_huge_pages.",
        Certainty = "inferred",
        Recognised = "At least 64 faults fixed with a 4 KiB leaf whose pfn lies in a compound block of order 9 or more that the allocator gave out before. Below 8 huge pages it is a note.",
        Needs = ["64 small leaves", "event mm_page_alloc"],
        Sql = """
            WITH huge AS (
                SELECT trace_id, pfn // 512 AS block, min(seq) AS seq FROM @blocks WHERE "order" >= 9 AND gfp_flags & 262144 <> 0 GROUP BY ALL
            ), small AS (
                SELECT f.trace_id, f.fault_id, f.seq, f.gfn, f.hva, f.access, f.observed_pfn // 512 AS block
                FROM @faults f JOIN huge h ON h.trace_id = f.trace_id AND h.block = f.observed_pfn // 512 AND h.seq < f.seq
                WHERE f.observed_outcome = 'FIXED' AND f.observed_level = 1
            ), slotted AS (
                SELECT s.*, c.flags, c.gpa, c.size, c.hva AS slot_hva
                FROM small s LEFT JOIN (SELECT trace_id, seq, flags, gpa, size, hva FROM @slot_calls WHERE size > 0 AND coalesce(ret, 0) = 0) c ON c.trace_id = s.trace_id AND c.seq < s.seq AND s.gfn * 4096 >= c.gpa AND s.gfn * 4096 < c.gpa + c.size
                QUALIFY row_number() OVER (PARTITION BY s.trace_id, s.fault_id ORDER BY c.seq DESC) = 1
            ), reasons AS (
                SELECT *, CASE
                    WHEN flags & 1 <> 0 THEN 'the memslot logs dirty pages'
                    WHEN (slot_hva - gpa) % 2097152 <> 0 THEN 'guest and host address are not congruent modulo 2 MiB'
                    WHEN gfn // 512 * 2097152 < gpa OR (gfn // 512 + 1) * 2097152 > gpa + size THEN 'the memslot begins or ends inside the huge page'
                    ELSE 'the reason is not recorded (split by the host since, NX huge-page mitigation, or large pages disallowed there)' END AS why
                FROM slotted
            )
            SELECT trace_id, format('{} guest pages of {} huge page{} of the host are mapped at 4 KiB: {}', count(DISTINCT gfn), count(DISTINCT block), if(count(DISTINCT block) = 1, '', 's'), why) AS title,
                count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq, format('{} faults with level 1 on compound blocks of order 9 or more', count(*)) AS evidence,
                if(why LIKE 'the reason is not%', 'assumed', NULL) AS certainty, if(count(DISTINCT block) < 8, 'note', NULL) AS severity
            FROM reasons GROUP BY trace_id, why HAVING count(*) >= 64
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gfn) AS gfn, observed_level FROM faults WHERE trace_id = 'TRACE' AND observed_level = 1",
    };
}
