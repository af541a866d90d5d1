-- When the host changes a PTE, how fast does KVM's notifier react, and does it leave anything behind?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; windows counts notifier windows over memslots; zapped_pages the 4 KiB pages whose SPTE they removed; first_zap is the median from kvm_unmap_hva_range to the first removal in a window that removed any, window the median length of such a window, in the capture's clock unit (unit); left_behind counts SPTEs that were there before a window, in its range, and still after its end; zaps are not recorded on arm64: what hangs on them is NULL there; lost counts records that the capture lost.
-- Needs: replay, kvm_unmap_hva_range or kvm_mmu_notifier_invalidate_range_start()
-- Then: left_behind other than 0 is a stale mapping: look for lost records first, then at `violations`.
WITH leaves AS (
    SELECT trace_id, as_id, gfn, seq, old_spte, new_spte, lead(seq) OVER (PARTITION BY trace_id, as_id, gfn, level ORDER BY seq) AS zap_seq
    FROM kvm_tdp_mmu_spte_changed
    WHERE level BETWEEN 1 AND 3
    QUALIFY new_spte & 2048 != 0 AND (level = 1 OR new_spte & 128 != 0)
), placed AS (
    -- Where the page lies in the VMM: the fault that made the leaf knows.
    SELECT l.trace_id, l.seq, l.zap_seq, f.vm, f.hva
    FROM leaves l
    ASOF JOIN faults f ON f.trace_id = l.trace_id AND f.as_id = l.as_id AND f.gfn = l.gfn AND f.seq <= l.seq
    WHERE f.hva IS NOT NULL
), blocks AS (
    -- By 2 MiB of the VMM's memory, so that a leaf meets the windows there only; a window over everything stands where leaves are.
    SELECT w.trace_id, w.vm, w.hva_start, w.hva_end, w.start_seq, w.end_seq, unnest(range((greatest(w.hva_start, p.first) >> 21)::BIGINT, (least(w.hva_end - 1, p.last) >> 21)::BIGINT + 1)) AS block
    FROM windows w
    JOIN (SELECT trace_id, vm, min(hva) AS first, max(hva) AS last FROM placed GROUP BY ALL) p ON p.trace_id = w.trace_id AND p.vm = w.vm
    WHERE w.end_seq IS NOT NULL AND w.hva_end > w.hva_start AND w.hva_start <= p.last AND w.hva_end > p.first
), soonest AS (
    -- The first end of the windows that begin here or later: a leaf that is gone by then outlived none of them.
    SELECT trace_id, vm, block, start_seq, min(end_seq) OVER (PARTITION BY trace_id, vm, block ORDER BY start_seq DESC) AS end_seq FROM blocks
), outlived AS (
    SELECT p.*
    FROM (SELECT *, (hva >> 21)::BIGINT AS block FROM placed) p
    ASOF JOIN soonest s ON s.trace_id = p.trace_id AND s.vm = p.vm AND s.block = p.block AND s.start_seq > p.seq
    WHERE coalesce(p.zap_seq, 9223372036854775807) > s.end_seq
), stale AS (
    SELECT w.trace_id, count(*) AS leaves
    FROM outlived p
    JOIN blocks w ON w.trace_id = p.trace_id AND w.vm = p.vm AND w.block = p.block AND p.hva >= w.hva_start AND p.hva < w.hva_end AND p.seq < w.start_seq
    WHERE coalesce(p.zap_seq, 9223372036854775807) > w.end_seq
    GROUP BY w.trace_id
), zaps AS (
    SELECT trace_id, pid, seq, ts_ns FROM kvm_tdp_mmu_spte_changed
    WHERE level BETWEEN 1 AND 3 AND old_spte & 2048 != 0 AND new_spte & 2048 = 0
), first AS (
    SELECT w.trace_id, w.window_id, z.ts_ns - w.start_ns AS first_zap
    FROM windows w
    ASOF JOIN zaps z ON z.trace_id = w.trace_id AND z.pid = w.pid AND z.seq >= w.start_seq
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
