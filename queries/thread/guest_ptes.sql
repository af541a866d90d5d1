-- When the host moves a page, does anything have to be changed in the guest's own page tables?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; remapped counts guest frames that were given another host page while the guest ran; guest_walks counts kvm_mmu_pagetable_walk, KVM reading the guest's page tables; walks_in_window those of a task inside its own notifier window; guest_ptes_written counts kvm_mmu_set_accessed_bit and kvm_mmu_set_dirty_bit, KVM writing them (NULL on arm64, where KVM has no such events).
-- Needs: replay, fault
-- Then: with remapped above 0, the last two at 0 say that the guest's tables played no part; other walks come from the emulation of instructions.
WITH pfns AS (
    SELECT trace_id, vm, gfn, count(DISTINCT observed_pfn) AS pfns FROM faults WHERE observed_pfn IS NOT NULL GROUP BY ALL
), moved AS (
    SELECT trace_id, count(*) FILTER (pfns > 1) AS remapped FROM pfns GROUP BY trace_id
), walks AS (
    SELECT trace_id, count(*) AS walks FROM kvm_mmu_pagetable_walk GROUP BY trace_id
), reach AS (
    -- How far the task's windows that began up to here last.
    SELECT trace_id, pid, start_seq, max(end_seq) OVER (PARTITION BY trace_id, pid ORDER BY start_seq) AS end_seq FROM windows WHERE end_seq IS NOT NULL
), inside AS (
    SELECT k.trace_id, count(*) AS walks
    FROM kvm_mmu_pagetable_walk k
    ASOF JOIN reach w ON w.trace_id = k.trace_id AND w.pid = k.pid AND w.start_seq < k.seq
    WHERE k.seq < w.end_seq
    GROUP BY k.trace_id
), written AS (
    SELECT trace_id, sum(records) AS records FROM event_counts WHERE event IN ('kvm_mmu_set_accessed_bit', 'kvm_mmu_set_dirty_bit') GROUP BY trace_id
)
SELECT
    regexp_extract(t.kernel, '^[0-9]+\.[0-9]+') || if(t.arch IN ('aarch64', 'arm64'), '-arm64', '') AS kernel,
    t.scenario,
    m.remapped,
    if(t.arch IN ('aarch64', 'arm64'), NULL, coalesce(w.walks, 0)) AS guest_walks,
    if(t.arch IN ('aarch64', 'arm64'), NULL, coalesce(i.walks, 0)) AS walks_in_window,
    if(t.arch IN ('aarch64', 'arm64'), NULL, coalesce(x.records, 0)::BIGINT) AS guest_ptes_written
FROM moved m
JOIN traces t USING (trace_id)
LEFT JOIN walks w USING (trace_id)
LEFT JOIN inside i USING (trace_id)
LEFT JOIN written x USING (trace_id)
ORDER BY 1, 2;
