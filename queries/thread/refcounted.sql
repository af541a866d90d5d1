-- Does KVM take every non-reserved pfn with a struct page for refcounted?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; page_kind as `tracereplay models --vocabulary` tells (P2 order 0, P3 head and P4 tail of a higher-order block of a driver, P5 device memory; GUP is what the core mm gave out); refcount is what struct page of such a page holds; faults counts lookups of it, mapped and efault how the kernel ended them; put counts calls of kvm_release_* inside these faults (for a pfn without struct page the call does nothing).
-- Needs: replay, fault
-- Then: put as large as mapped for P2 and P3 says that the kernel took a driver's page for refcounted; efault for P4 that a count of 0 was refused.
WITH put AS (
    SELECT trace_id, pid, seq FROM release_pfn
    UNION ALL SELECT trace_id, pid, seq FROM release_page_clean
    UNION ALL SELECT trace_id, pid, seq FROM release_page_dirty
), begun AS (
    SELECT trace_id, pid, seq, coalesce(end_seq, seq) AS end_seq, fault_id FROM faults
), released AS (
    -- The last fault of the task before the call, if the call lies inside it.
    SELECT b.trace_id, b.fault_id, count(*) AS calls
    FROM put p
    ASOF JOIN begun b ON b.trace_id = p.trace_id AND b.pid = p.pid AND b.seq <= p.seq
    WHERE p.seq <= b.end_seq
    GROUP BY b.trace_id, b.fault_id
), ended AS (
    SELECT
        f.trace_id,
        f.page_kind,
        count(*) AS faults,
        count(*) FILTER (f.observed_outcome = 'FIXED') AS mapped,
        count(*) FILTER (f.observed_outcome = 'EFAULT') AS efault,
        coalesce(sum(r.calls) FILTER (f.observed_outcome = 'FIXED'), 0)::BIGINT AS put
    FROM faults f
    LEFT JOIN released r USING (trace_id, fault_id)
    WHERE f.page_kind IN ('P0', 'P2', 'P3', 'P4', 'P5', 'P10')
    GROUP BY ALL
)
SELECT
    regexp_extract(t.kernel, '^[0-9]+\.[0-9]+') || if(t.arch IN ('aarch64', 'arm64'), '-arm64', '') AS kernel,
    t.scenario,
    e.page_kind,
    CASE e.page_kind WHEN 'P2' THEN '1' WHEN 'P3' THEN '1' WHEN 'P4' THEN '0' WHEN 'P5' THEN 'no struct page' WHEN 'P0' THEN 'no struct page' ELSE '1 or more' END AS refcount,
    sum(e.faults)::BIGINT AS faults,
    sum(e.mapped)::BIGINT AS mapped,
    sum(e.efault)::BIGINT AS efault,
    sum(e.put)::BIGINT AS put
FROM ended e
JOIN traces t USING (trace_id)
GROUP BY ALL
ORDER BY 1, 2, e.page_kind;
