-- What becomes of the guest's first write to a page of a shmem buffer that a driver maps by pfn?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; pages counts guest pages of kind P10 that faulted; mapped_writable those that a fault mapped writable at once, so that the first write takes no fault of its own; mapped_readonly those that faults mapped read-only only; emulated and efault are first writes that the kernel did not map because the host's leaf is read-only although its VMA is writable; vma_forbids are writes refused or emulated because the VMA is read-only; fix_maps is how many of all these writes the setting mkwrite of `merged` maps (NULL where it was not replayed).
-- Needs: replay, fault
-- Then: finding readonly-first-write has them by buffer; `tracereplay compare` with a kernel of another driver says that the host differs.
WITH captured AS (
    SELECT DISTINCT trace_id, model, setting FROM fidelity
), writes AS (
    SELECT f.trace_id, f.fault_id, f.vm, f.gfn, f.observed_outcome, o.reason LIKE 'the remapped leaf is read-only although%' AS first
    FROM faults f
    JOIN captured c USING (trace_id)
    JOIN outcomes o ON o.trace_id = f.trace_id AND o.fault_id = f.fault_id AND o.model = c.model AND o.setting IS NOT DISTINCT FROM c.setting
    WHERE f.page_kind = 'P10' AND f.access = 'w' AND f.observed_outcome IN ('EMULATE', 'EFAULT') AND o.reason LIKE 'the remapped leaf is read-only%'
), fixes AS (
    SELECT w.trace_id, count(*) FILTER (o.outcome = 'FIXED') AS maps
    FROM writes w JOIN outcomes o ON o.trace_id = w.trace_id AND o.fault_id = w.fault_id AND o.setting = 'mkwrite' AND o.model LIKE 'merged%'
    GROUP BY w.trace_id
), pages AS (
    SELECT trace_id, vm, gfn, bool_or(observed_outcome = 'FIXED' AND observed_writable) AS writable, bool_or(observed_outcome = 'FIXED') AS mapped
    FROM faults WHERE page_kind = 'P10' GROUP BY ALL
), counted AS (
    SELECT trace_id, count(*) AS pages, count(*) FILTER (writable) AS mapped_writable, count(*) FILTER (mapped AND NOT coalesce(writable, false)) AS mapped_readonly FROM pages GROUP BY trace_id
)
SELECT
    regexp_extract(t.kernel, '^[0-9]+\.[0-9]+') || if(t.arch IN ('aarch64', 'arm64'), '-arm64', '') AS kernel,
    t.scenario,
    sum(p.pages)::BIGINT AS pages,
    sum(p.mapped_writable)::BIGINT AS mapped_writable,
    sum(p.mapped_readonly)::BIGINT AS mapped_readonly,
    (SELECT count(*) FROM writes w WHERE w.trace_id = any_value(t.trace_id) AND w.first AND w.observed_outcome = 'EMULATE') AS emulated,
    (SELECT count(*) FROM writes w WHERE w.trace_id = any_value(t.trace_id) AND w.first AND w.observed_outcome = 'EFAULT') AS efault,
    (SELECT count(*) FROM writes w WHERE w.trace_id = any_value(t.trace_id) AND NOT w.first) AS vma_forbids,
    sum(x.maps)::BIGINT AS fix_maps
FROM counted p
JOIN traces t USING (trace_id)
LEFT JOIN fixes x USING (trace_id)
GROUP BY 1, 2
ORDER BY 1, 2;
