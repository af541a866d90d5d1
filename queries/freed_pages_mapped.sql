-- Which pages could a guest still reach after their owner had freed them?
-- Columns: file (base name of the capture) and host say whose; gfn was mapped to pfn by the SPTE of map_seq; free_seq is the mm_page_free that gave the page back while it was mapped; zap_seq is where the SPTE went, NULL if it never did; held says whether the block was handed out again before that.
-- Needs: mm_page_free, kvm_tdp_mmu_spte_changed
-- Then: any row is a use after free, unless records were lost (`lost_events`) between map_seq and zap_seq; an empty answer says something only where kmem:mm_page_free was recorded (`event_counts`), and that for the orders that the filter let through.
WITH leaves AS (
    SELECT trace_id, seq, as_id, gfn, level, new_spte,
           lead(seq) OVER (PARTITION BY trace_id, as_id, gfn, level ORDER BY seq) AS zap_seq,
           (new_spte >> 12) & 1099511627775 AS pfn,
           1::UBIGINT << (9 * (level - 1)) AS pages
    FROM kvm_tdp_mmu_spte_changed
    WHERE level BETWEEN 1 AND 3 AND trace_id IN (SELECT trace_id FROM mm_page_free)
    -- Bit 11 says present, bit 7 a large leaf; the pfn is in bits 12 to 51.
    QUALIFY new_spte & 2048 != 0 AND (level = 1 OR new_spte & 128 != 0)
), blocks AS (
    SELECT trace_id, seq, pfn::UBIGINT AS pfn, 1::UBIGINT << "order" AS pages FROM mm_page_free
), freed AS (
    -- Leaf and block are 2^n pages at a multiple of that: they meet if the larger holds the smaller, so that each has one place to look.
    SELECT b.*, l.pages AS leaf_pages, b.pfn // greatest(b.pages, l.pages) AS place
    FROM blocks b JOIN (SELECT DISTINCT trace_id, pages FROM leaves) l USING (trace_id)
), placed AS (
    SELECT l.*, b.pages AS block_pages, l.pfn // greatest(b.pages, l.pages) AS place
    FROM leaves l JOIN (SELECT DISTINCT trace_id, pages FROM blocks) b USING (trace_id)
), again AS (
    SELECT trace_id, seq, pfn::UBIGINT AS pfn, 1::UBIGINT << "order" AS pages FROM mm_page_alloc
)
SELECT
    l.trace_id,
    parse_filename(t.path) AS file,
    t.host,
    l.as_id,
    format('0x{:x}', l.gfn) AS gfn,
    format('0x{:x}', l.pfn) AS pfn,
    l.level,
    l.seq AS map_seq,
    b.seq AS free_seq,
    l.zap_seq,
    EXISTS (
        SELECT 1 FROM again a
        WHERE a.trace_id = l.trace_id AND a.seq > b.seq AND a.seq < coalesce(l.zap_seq, 9223372036854775807)
          AND a.pfn < l.pfn + l.pages AND l.pfn < a.pfn + a.pages) AS held
FROM placed l
JOIN traces t ON t.trace_id = l.trace_id
JOIN freed b ON b.trace_id = l.trace_id AND b.leaf_pages = l.pages AND b.pages = l.block_pages AND b.place = l.place AND b.seq > l.seq
WHERE b.seq < coalesce(l.zap_seq, 9223372036854775807)
ORDER BY l.trace_id, b.seq, l.gfn;
