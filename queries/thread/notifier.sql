-- When the host changes a PTE, how fast does KVM's notifier react, and does it leave anything behind?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; windows counts notifier windows over memslots; zapped_pages the 4 KiB pages whose SPTE they removed; first_zap is the median from kvm_unmap_hva_range to the first removal in a window that removed any, window the median length of such a window, in the capture's clock unit (unit); left_behind counts SPTEs that were there before a window, in its range, and still after its end; zaps are not recorded on arm64: what hangs on them is NULL there; lost counts records that the capture lost.
-- Needs: replay, kvm_unmap_hva_range or kvm_mmu_notifier_invalidate_range_start()
-- Then: left_behind other than 0 is a stale mapping: look for lost records first, then at `violations`.
WITH leaves AS (
    -- What is sorted and joined has one hash in place of several columns, which takes a third of the time.
    SELECT page, seq, lead(seq) OVER (PARTITION BY entry ORDER BY seq) AS zap_seq
    FROM (
        SELECT hash(trace_id, as_id, gfn) AS page, hash(trace_id, as_id, gfn, level) AS entry, seq, new_spte & 2048 != 0 AND (level = 1 OR new_spte & 128 != 0) AS is_leaf
        FROM kvm_tdp_mmu_spte_changed
        WHERE level BETWEEN 1 AND 3)
    QUALIFY is_leaf
), placed AS (
    -- Where the page lies in the VMM: the fault that made the leaf knows.
    SELECT l.seq, l.zap_seq, f.owner, f.hva, (f.hva >> 21)::BIGINT AS block
    FROM leaves l
    ASOF JOIN (SELECT hash(trace_id, as_id, gfn) AS page, seq, hash(trace_id, vm) AS owner, hva FROM faults) f ON f.page = l.page AND f.seq <= l.seq
    WHERE f.hva IS NOT NULL
), blocks AS (
    -- By 2 MiB of the VMM's memory, so that a leaf meets the windows there only; a window over everything stands where faults are.
    SELECT w.trace_id, hash(w.trace_id, w.vm) AS owner, w.hva_start, w.hva_end, w.start_seq, w.end_seq, unnest(range((greatest(w.hva_start, p.first) >> 21)::BIGINT, (least(w.hva_end - 1, p.last) >> 21)::BIGINT + 1)) AS block
    FROM windows w
    JOIN (SELECT trace_id, vm, min(hva) AS first, max(hva) AS last FROM faults WHERE hva IS NOT NULL GROUP BY ALL) p ON p.trace_id = w.trace_id AND p.vm = w.vm
    WHERE w.end_seq IS NOT NULL AND w.hva_end > w.hva_start AND w.hva_start <= p.last AND w.hva_end > p.first
), soonest AS (
    -- The first end of the windows that begin here or later: a leaf that is gone by then outlived none of them.
    SELECT owner, block, start_seq, min(end_seq) OVER (PARTITION BY owner, block ORDER BY start_seq DESC) AS end_seq FROM blocks
), outlived AS (
    SELECT p.*
    FROM placed p
    ASOF JOIN soonest s ON s.owner = p.owner AND s.block = p.block AND s.start_seq > p.seq
    WHERE coalesce(p.zap_seq, 9223372036854775807) > s.end_seq
), stale AS (
    SELECT w.trace_id, count(*) AS leaves
    FROM outlived p
    JOIN blocks w ON w.owner = p.owner AND w.block = p.block AND p.hva >= w.hva_start AND p.hva < w.hva_end AND p.seq < w.start_seq
    WHERE coalesce(p.zap_seq, 9223372036854775807) > w.end_seq
    GROUP BY w.trace_id
), zaps AS (
    SELECT hash(trace_id, pid) AS task, seq, ts_ns FROM kvm_tdp_mmu_spte_changed
    WHERE level BETWEEN 1 AND 3 AND old_spte & 2048 != 0 AND new_spte & 2048 = 0 AND (trace_id, pid) IN (SELECT (trace_id, pid) FROM windows WHERE zapped_leaves > 0)
), first AS (
    SELECT w.trace_id, w.window_id, z.ts_ns - w.start_ns AS first_zap
    FROM windows w
    ASOF JOIN zaps z ON z.task = hash(w.trace_id, w.pid) AND z.seq >= w.start_seq
    WHERE w.zapped_leaves > 0
)
SELECT
    regexp_extract(t.kernel, '^[0-9]+\.[0-9]+') || if(t.arch IN ('aarch64', 'arm64'), '-arm64', '') AS kernel,
    t.scenario,
    count(*) AS windows,
    sum(w.zapped_pages)::BIGINT AS zapped_pages,
    median(f.first_zap)::BIGINT AS first_zap,
    median(w.end_ns - w.start_ns) FILTER (w.zapped_leaves > 0)::BIGINT AS "window",
    any_value(t.clock_unit) AS unit,
    if(count(w.zapped_leaves) > 0, coalesce(any_value(s.leaves), 0), NULL) AS left_behind,
    any_value(t.lost) AS lost
FROM windows w
JOIN traces t USING (trace_id)
LEFT JOIN first f ON f.trace_id = w.trace_id AND f.window_id = w.window_id
LEFT JOIN stale s ON s.trace_id = w.trace_id
WHERE coalesce(w.slots, 1) > 0
GROUP BY 1, 2
ORDER BY 1, 2;
