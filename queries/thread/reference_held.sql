-- Does KVM hold its reference while the page is mapped?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; leaves counts faults that mapped a page of the core mm (GUP) or a driver's page that the kernel took for refcounted; put_in_fault those in which the reference went back before the vCPU ran again; put_later the others; still_mapped the leaves whose SPTE was there after the put (NULL where no zap is recorded, as on arm64); outlived is the median number of recorded events for which it stayed.
-- Needs: replay, fault
-- Then: put_later of 0 says that no reference is held while a page is mapped; what protects the page is the notifier, see `thread/notifier`.
WITH put AS (
    SELECT trace_id, pid, seq FROM release_pfn
    UNION ALL SELECT trace_id, pid, seq FROM release_page_clean
    UNION ALL SELECT trace_id, pid, seq FROM release_page_dirty
), fixed AS NOT MATERIALIZED (
    SELECT trace_id, pid, seq, end_seq, fault_id, gfn, as_id, page_kind
    FROM faults
    WHERE observed_outcome = 'FIXED' AND end_seq IS NOT NULL AND kind IN ('tdp', 'arm64')
), released AS (
    SELECT b.trace_id, b.fault_id, max(p.seq) AS put_seq
    FROM put p
    ASOF JOIN fixed b ON b.trace_id = p.trace_id AND b.pid = p.pid AND b.seq <= p.seq
    WHERE p.seq <= b.end_seq
    GROUP BY b.trace_id, b.fault_id
), zaps AS NOT MATERIALIZED (
    SELECT trace_id, as_id, gfn, seq FROM kvm_tdp_mmu_spte_changed
    WHERE level BETWEEN 1 AND 3 AND old_spte & 2048 != 0 AND new_spte & 2048 = 0
), refcounted AS NOT MATERIALIZED (
    -- Up to 6.12 what was put was taken; later kernels put only what the lookup took from the core mm.
    SELECT b.trace_id, b.as_id, b.gfn, b.end_seq, r.put_seq
    FROM fixed b
    LEFT JOIN released r USING (trace_id, fault_id)
    WHERE coalesce(b.page_kind, '') NOT IN ('P0', 'P5') AND (r.put_seq IS NOT NULL OR b.page_kind = 'GUP')
), life AS (
    SELECT c.trace_id, c.put_seq, z.seq AS zap_seq
    FROM (FROM refcounted WHERE put_seq IS NOT NULL) c
    ASOF LEFT JOIN zaps z ON z.trace_id = c.trace_id AND z.as_id = c.as_id AND z.gfn = c.gfn AND z.seq > c.end_seq
    UNION ALL
    -- Where nothing was put, nothing is asked of the zap.
    SELECT trace_id, NULL, NULL FROM refcounted WHERE put_seq IS NULL
)
SELECT
    regexp_extract(t.kernel, '^[0-9]+\.[0-9]+') || if(t.arch IN ('aarch64', 'arm64'), '-arm64', '') AS kernel,
    t.scenario,
    count(*) AS leaves,
    count(l.put_seq) AS put_in_fault,
    count(*) - count(l.put_seq) AS put_later,
    if(bool_or(t.trace_id IN (SELECT DISTINCT trace_id FROM zaps)), count(*) FILTER (l.put_seq IS NOT NULL AND (l.zap_seq IS NULL OR l.zap_seq > l.put_seq)), NULL) AS still_mapped,
    median(l.zap_seq - l.put_seq)::BIGINT AS outlived
FROM life l
JOIN traces t USING (trace_id)
GROUP BY 1, 2
ORDER BY 1, 2;
