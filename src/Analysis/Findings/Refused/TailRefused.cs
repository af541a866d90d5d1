namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>B1: up to 6.12, a page of a driver with a struct page whose count is 0.</summary>
internal static class TailRefused
{
    public static Finding Finding { get; } = new()
    {
        Id = "tail-refused",
        Severity = Severity.Critical,
        Title = "A tail page of a driver's block is refused",
        Meaning = "The page lies in a block of several pages that a driver allocated and that is not compound: only the first page of it has a count, all others (the tails) have none. KVM takes every pfn with a struct page that is not reserved for refcounted and wants a reference; get_page_unless_zero fails, the lookup returns an error, and KVM_RUN ends with EFAULT. The VMM can do nothing about it; most stop the guest. Whether a buffer is hit depends on what the allocator had at hand: of single pages all work.",
        Kernels = "All up to 6.12 (settings pre-5.13 to 6.12 of the model current). 6.13 and later map such pages without a reference.",
        Doing = "kernel",
        Remedy = "A kernel from 6.13 on. Before: keep the buffer in VRAM, or let the driver allocate single pages (TTM: fragmented memory, or a pool that is limited to order 0).",
        Certainty = "inferred",
        Recognised = "A fault that the kernel ended with EFAULT on a page whose kind is a tail (P4 of TTM, P7 of other drivers) by the allocator's and the driver's records, and for which the model of that kernel gives the missing count as the reason. Tails that no fault met are predicted from the block that each inserted pfn of the same mapping lies in.",
        Needs = ["outcome EFAULT"],
        Sql = """
            WITH hit AS (
                SELECT r.*, p.buffer, p.vma, p.buffer_pages
                FROM @refused r
                LEFT JOIN @places p ON p.trace_id = r.trace_id AND p.vm IS NOT DISTINCT FROM r.vm AND p.as_id IS NOT DISTINCT FROM r.as_id AND p.slot_id IS NOT DISTINCT FROM r.slot_id AND p.delta = r.hva - r.gfn * 4096 AND p.page_kind IS NOT DISTINCT FROM r.page_kind
                WHERE r.observed_outcome = 'EFAULT' AND r.page_kind IN ('P4', 'P7') AND NOT starts_with(coalesce(r.reason, ''), 'the remapped leaf')
            ), placed AS (
                -- Where the blocks of a mapping lie in it: a pfn that the driver put there, and the newest block that holds it.
                SELECT DISTINCT i.trace_id, i.vma_start, arg_max(b.pfn, b.seq) AS head, arg_max(b."order", b.seq) AS power, (arg_max(b.pfn, b.seq)::BIGINT - i.pfn::BIGINT) * 4096 + i.addr::BIGINT AS head_hva
                FROM (SELECT trace_id, vma_start, addr, arg_max(pfn, seq) AS pfn, max(seq) AS seq FROM @inserted WHERE (trace_id, vma_start) IN (SELECT (trace_id, vma.start) FROM hit) GROUP BY ALL) i
                JOIN @blocks b ON b.trace_id = i.trace_id AND b."order" > 0 AND b.pfn <= i.pfn AND i.pfn < b.pfn + (1::UBIGINT << b."order") AND b.seq < i.seq
                GROUP BY i.trace_id, i.vma_start, i.addr, i.pfn
            ), tails AS (
                SELECT trace_id, vma_start, sum((1::BIGINT << power) - 1)::BIGINT AS tails, max(power) AS power FROM placed GROUP BY ALL
            ), buffers AS (
                SELECT trace_id, vm, buffer, vma.start AS vma_start, any_value(buffer_pages) AS buffer_pages, count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                       arg_min(gpa, seq) AS gpa, arg_min(access, seq) AS access, bool_or(is_vm_last) AS vm_stopped, bool_or(is_last) AS stopped, max(reason IS NULL) AS unsaid
                FROM hit GROUP BY ALL
            )
            SELECT b.trace_id,
                format('guest page at gpa 0x{:x} refused with EFAULT{}: a tail page of the {}{}. {}Kernels from 6.13 on map it', b.gpa, if(b.faults > 1, format(', and {} faults more', b.faults - 1), ''),
                    coalesce(b.buffer, 'buffer of a driver'), if(t.power IS NULL, '', format(', blocks of order {} that are not compound', t.power)),
                    CASE WHEN b.vm_stopped THEN 'The VM stopped there. ' WHEN b.stopped THEN 'The vCPU stopped there. ' ELSE '' END) AS title,
                b.faults, b.pages, b.first_fault, b.first_seq,
                CASE WHEN t.tails IS NULL OR b.buffer_pages IS NULL THEN format('{} pages hit; how many more of the buffer would be refused is not recorded (kmem:mm_page_alloc, the driver''s insertions)', b.pages)
                     ELSE format('{} of the {} tail pages of the buffer ({} pages) hit; {} more of it would be refused', b.pages, least(t.tails, b.buffer_pages), b.buffer_pages, greatest(least(t.tails, b.buffer_pages) - b.pages, 0)) END AS evidence,
                if(b.unsaid, 'inferred', NULL) AS certainty
            FROM buffers b LEFT JOIN tails t USING (trace_id, vma_start)
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gpa) AS gpa, access, page_kind, observed_outcome FROM faults WHERE trace_id = 'TRACE' AND page_kind IN ('P4', 'P7') AND observed_outcome = 'EFAULT'",
    };
}
