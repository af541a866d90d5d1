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
        Cause = "kernel",
        IsKnownDefect = true,
        Advice = "A kernel from 6.13 on. Before: keep the buffer in VRAM, or let the driver allocate single pages (TTM: fragmented memory, or a pool that is limited to order 0).",
        Certainty = "inferred",
        Recognised = "A fault that the kernel ended with EFAULT on a page whose kind is a tail (P4 of TTM, P7 of other drivers) by the allocator's and the driver's records, and for which the model of that kernel gives the missing count as the reason. Tails that no fault met are predicted from the block that each inserted pfn of the same mapping lies in.",
        Needs = ["outcome EFAULT"],
        Sql = """
            WITH hit AS (
                SELECT r.*, p.buffer, p.vma, p.buffer_pages
                FROM @refused r
                LEFT JOIN @places p ON p.trace_id = r.trace_id AND p.vm IS NOT DISTINCT FROM r.vm AND p.as_id IS NOT DISTINCT FROM r.as_id AND p.slot_id IS NOT DISTINCT FROM r.slot_id AND p.delta = r.hva - r.gfn * 4096 AND p.page_kind IS NOT DISTINCT FROM r.page_kind
                WHERE r.tail
            ), spans AS (
                SELECT trace_id, vma.start AS vma_start, any_value(vma.end) AS vma_end, max(coalesce(end_seq, seq)) AS until FROM hit WHERE vma IS NOT NULL GROUP BY ALL
            ), pages AS (
                -- What the driver had put where in the mapping when the last page of it was refused, and the newest block that holds it.
                SELECT i.*, arg_max(b.pfn, b.seq) AS head, arg_max(b."order", b.seq) AS power, max(b.seq) AS block_seq
                FROM (SELECT n.trace_id, n.vma_start, n.addr, arg_max(n.pfn, n.seq) AS pfn, max(n.seq) AS seq FROM @inserted n JOIN spans s USING (trace_id, vma_start) WHERE n.seq <= s.until GROUP BY ALL) i
                LEFT JOIN @blocks b ON b.trace_id = i.trace_id AND b."order" > 0 AND b.pfn <= i.pfn AND i.pfn < b.pfn + (1::UBIGINT << b."order") AND b.seq < i.seq
                GROUP BY ALL
            ), placed AS (
                SELECT trace_id, vma_start, head, arg_max(power, seq) AS power, arg_max((head::BIGINT - pfn::BIGINT) * 4096 + addr::BIGINT, seq) AS head_hva, max(seq) AS seq, max(block_seq) AS block_seq
                FROM pages WHERE head IS NOT NULL GROUP BY ALL
            ), kept AS (
                -- A buffer that moved in between has new blocks where others were.
                SELECT p.*, greatest(p.head_hva, s.vma_start::BIGINT) AS from_hva, least(p.head_hva + (4096::BIGINT << p.power), s.vma_end::BIGINT) AS to_hva
                FROM placed p JOIN spans s USING (trace_id, vma_start)
                WHERE NOT EXISTS (SELECT 1 FROM placed q WHERE q.trace_id = p.trace_id AND q.vma_start = p.vma_start AND q.seq > p.seq AND q.head_hva < p.head_hva + (4096::BIGINT << p.power) AND p.head_hva < q.head_hva + (4096::BIGINT << q.power))
            ), singles AS (
                -- Pages of no block, put there since the buffer has the blocks that it has.
                SELECT trace_id, vma_start, count(*) AS singles FROM pages g WHERE head IS NULL AND seq > (SELECT min(block_seq) FROM kept k WHERE k.trace_id = g.trace_id AND k.vma_start = g.vma_start) AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.trace_id = g.trace_id AND k.vma_start = g.vma_start AND g.addr >= k.from_hva AND g.addr < k.to_hva) GROUP BY ALL
            ), known AS (
                SELECT trace_id, vma_start, max(power) AS power, sum((to_hva - from_hva) // 4096)::BIGINT AS covered, sum((to_hva - from_hva) // 4096 - if(head_hva >= from_hva AND head_hva < to_hva, 1, 0))::BIGINT AS tails FROM kept GROUP BY ALL
            ), tails AS (
                -- Pages that nothing tells of are taken for blocks of the largest order seen.
                SELECT k.trace_id, k.vma_start, k.power, k.tails + greatest(r.rest - ceil(r.rest / (1::BIGINT << k.power))::BIGINT, 0) AS tails, r.rest
                FROM known k LEFT JOIN singles g USING (trace_id, vma_start) JOIN spans s USING (trace_id, vma_start),
                    LATERAL (SELECT greatest((s.vma_end - s.vma_start)::BIGINT // 4096 - k.covered - coalesce(g.singles, 0), 0) AS rest) r
            ), buffers AS (
                SELECT trace_id, vm, buffer, vma.start AS vma_start, any_value(buffer_pages) AS buffer_pages, count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                       arg_min(gpa, seq) AS gpa, arg_min(access, seq) AS access, count(*) = 1 AND bool_or(is_vm_last) AS vm_stopped, count(*) = 1 AND bool_or(is_last) AS stopped, max(reason IS NULL) AS unsaid
                FROM hit GROUP BY ALL
            )
            SELECT b.trace_id,
                format('guest page at gpa 0x{:x} refused with EFAULT{}: a tail page (refcount 0) of the {}{}. {}Kernels from 6.13 on map it{}', b.gpa, if(b.faults > 1, format(', and {} fault{} more', b.faults - 1, if(b.faults > 2, 's', '')), ''),
                    coalesce(b.buffer, 'buffer of a driver'), if(t.power IS NULL, '', format(', blocks of order {} that are not compound', t.power)),
                    CASE WHEN b.vm_stopped THEN 'The VM stopped there. ' WHEN b.stopped THEN 'The vCPU stopped there. ' ELSE '' END, if(a.arch IN ('aarch64', 'arm64'), ' where the CPU has S2FWB and DIC', '')) AS title,
                b.faults, b.pages, b.first_fault, b.first_seq,
                CASE WHEN t.tails IS NULL OR b.buffer_pages IS NULL THEN format('{} pages hit; how many more of the buffer would be refused is not recorded (kmem:mm_page_alloc, the driver''s insertions)', b.pages)
                     ELSE format('{} of the {} tail pages of the buffer ({} pages{}) hit; {} more of it would be refused', b.pages, t.tails, b.buffer_pages, if(t.rest > 0, format(', {} of them in blocks that are not recorded, taken for the same order', t.rest), ''), greatest(t.tails - b.pages, 0)) END AS evidence,
                if(b.unsaid, 'inferred', NULL) AS certainty
            FROM buffers b JOIN @traces a USING (trace_id) LEFT JOIN tails t USING (trace_id, vma_start)
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gpa) AS gpa, access, page_kind, observed_outcome FROM faults WHERE trace_id = 'TRACE' AND page_kind IN ('P4', 'P7') AND observed_outcome = 'EFAULT'",
    };
}
