-- If the mapping in user space ceases to exist, is anything left for KVM to follow?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; unmaps counts notifier windows of the kind UNMAP over memslots; zapped_pages what they removed; touched counts guest pages in them that faulted afterwards, efault those that KVM then refused because nothing is mapped there (page kind N), again those that something new had been mapped under.
-- Needs: replay, kvm_unmap_hva_range or kvm_mmu_notifier_invalidate_range_start()
-- Then: a page may be in both, where it was touched before and after something new lay there; one in neither cannot be.
WITH gone AS (
    SELECT trace_id, window_id, vm, hva_start, hva_end, start_seq, end_seq, zapped_pages
    FROM windows
    WHERE notifier_event = 'UNMAP' AND slots > 0 AND end_seq IS NOT NULL
), pages AS (
    -- The last fault is enough to know that one was later.
    SELECT trace_id, vm, gfn, hva, max(seq) AS last_seq,
           max(seq) FILTER (observed_outcome = 'EFAULT' AND page_kind = 'N') AS last_efault,
           max(seq) FILTER (NOT (observed_outcome = 'EFAULT' AND page_kind = 'N')) AS last_again
    FROM faults
    WHERE hva IS NOT NULL AND trace_id IN (SELECT trace_id FROM gone)
    GROUP BY ALL
), later AS (
    SELECT g.trace_id, count(DISTINCT p.gfn) AS touched,
           count(DISTINCT p.gfn) FILTER (p.last_efault > g.end_seq) AS efault,
           count(DISTINCT p.gfn) FILTER (p.last_again > g.end_seq) AS again
    FROM gone g
    JOIN pages p ON p.trace_id = g.trace_id AND p.vm = g.vm AND p.hva >= g.hva_start AND p.hva < g.hva_end AND p.last_seq > g.end_seq
    GROUP BY g.trace_id
)
SELECT
    regexp_extract(t.kernel, '^[0-9]+\.[0-9]+') || if(t.arch IN ('aarch64', 'arm64'), '-arm64', '') AS kernel,
    t.scenario,
    count(*) AS unmaps,
    sum(g.zapped_pages)::BIGINT AS zapped_pages,
    coalesce(any_value(l.touched), 0) AS touched,
    coalesce(any_value(l.efault), 0) AS efault,
    coalesce(any_value(l.again), 0) AS again
FROM gone g
JOIN traces t USING (trace_id)
LEFT JOIN later l USING (trace_id)
GROUP BY 1, 2
ORDER BY 1, 2;
