-- If the mapping in user space ceases to exist, is anything left for KVM to follow?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; unmaps counts notifier windows of the kind UNMAP over memslots; zapped_pages what they removed; touched counts guest pages in them that faulted afterwards, efault those that KVM then refused because nothing is mapped there (page kind N), again those that something new had been mapped under.
-- Then: a page may be in both, where it was touched before and after something new lay there; one in neither cannot be.
WITH gone AS (
    SELECT trace_id, window_id, vm, hva_start, hva_end, start_seq, end_seq, zapped_pages
    FROM windows
    WHERE notifier_event = 'UNMAP' AND slots > 0 AND end_seq IS NOT NULL
), later AS (
    SELECT g.trace_id, count(DISTINCT f.gfn) AS touched,
           count(DISTINCT f.gfn) FILTER (f.observed_outcome = 'EFAULT' AND f.page_kind = 'N') AS efault,
           count(DISTINCT f.gfn) FILTER (NOT (f.observed_outcome = 'EFAULT' AND f.page_kind = 'N')) AS again
    FROM gone g
    JOIN faults f ON f.trace_id = g.trace_id AND f.vm = g.vm AND f.hva >= g.hva_start AND f.hva < g.hva_end AND f.seq > g.end_seq
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
