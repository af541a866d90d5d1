-- Which pages of non-compound higher-order blocks fail?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; order is the block's, from kmem:mm_page_alloc (0: a single page; NULL: given out before the capture began); heads and tails count guest pages on the block's first page and on its others; heads_efault and tails_efault those that the kernel refused.
-- Needs: replay, fault, mm_page_alloc
-- Then: where tails_efault equals tails and heads_efault is 0, the refcount decides and nothing else: head 1, tail 0.
WITH page AS (
    -- The pfn behind a refused fault is in no event of the fault itself: it is what the driver had put there, which the models know.
    SELECT f.trace_id, f.gfn, f.vm, coalesce(f.end_seq, f.seq) AS seq, f.page_kind, f.observed_outcome, max(o.pfn) AS pfn
    FROM faults f
    JOIN outcomes o USING (trace_id, fault_id)
    WHERE f.page_kind IN ('P2', 'P3', 'P4') AND o.pfn IS NOT NULL
    GROUP BY ALL
), given AS (
    -- A block of 2^n pages begins at a multiple of that, so each order has one place for a page.
    SELECT p.*, o."order", (p.pfn >> o."order") << o."order" AS base
    FROM page p JOIN (SELECT DISTINCT trace_id, "order"::INTEGER AS "order" FROM mm_page_alloc) o USING (trace_id)
), latest AS (
    SELECT g.trace_id, g.vm, g.gfn, g.seq, g.page_kind, g.observed_outcome, g."order", g.base, a.seq AS alloc_seq
    FROM given g
    ASOF JOIN (SELECT trace_id, "order"::INTEGER AS "order", pfn, seq FROM mm_page_alloc) a ON a.trace_id = g.trace_id AND a."order" = g."order" AND a.pfn = g.base AND a.seq < g.seq
), block AS (
    -- The driver may allocate inside the fault. What the allocator gave out singly is not recorded: order 0.
    SELECT p.trace_id, p.vm, p.gfn, p.seq, p.observed_outcome, any_value(p.pfn) AS pfn,
           coalesce(arg_max(a."order", a.alloc_seq), if(p.page_kind = 'P2', 0, NULL)) AS "order",
           coalesce(arg_max(a.base, a.alloc_seq), any_value(p.pfn)) AS base
    FROM page p
    LEFT JOIN latest a USING (trace_id, vm, gfn, seq)
    GROUP BY p.trace_id, p.vm, p.gfn, p.seq, p.page_kind, p.observed_outcome
)
SELECT
    regexp_extract(t.kernel, '^[0-9]+\.[0-9]+') || if(t.arch IN ('aarch64', 'arm64'), '-arm64', '') AS kernel,
    t.scenario,
    b."order" AS "order",
    count(DISTINCT (b.vm, b.gfn)) FILTER (b.pfn = b.base) AS heads,
    count(DISTINCT (b.vm, b.gfn)) FILTER (b.pfn = b.base AND b.observed_outcome = 'EFAULT') AS heads_efault,
    count(DISTINCT (b.vm, b.gfn)) FILTER (b.pfn <> b.base) AS tails,
    count(DISTINCT (b.vm, b.gfn)) FILTER (b.pfn <> b.base AND b.observed_outcome = 'EFAULT') AS tails_efault
FROM block b
JOIN traces t USING (trace_id)
GROUP BY ALL
ORDER BY 1, 2, "order";
