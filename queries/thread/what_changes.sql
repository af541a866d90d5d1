-- What changes with `v11`, and what with `merged`?
-- Columns: kernel and scenario (what ran in the capture, docs/dataset.md) say whose; kernel_efault counts guest pages that the captured kernel refused; current_efault, v11_efault and merged_efault those that each model refuses over the same events; current_refs, v11_refs and merged_refs are the references that it takes in all faults; violated counts, by model, broken invariants that are not its design (INV-31: a page refused that the host does map; INV-09b: accessed and dirty marks on a page that is not refcounted).
-- Needs: replay, fault
-- Then: `divergences` has the faults, `invariants` and docs/invariants.md what was broken.
WITH kernel AS (
    SELECT trace_id, count(DISTINCT (vm, gfn)) FILTER (observed_outcome = 'EFAULT') AS efault FROM faults GROUP BY trace_id
), models AS (
    SELECT trace_id, model, coalesce(e.efault, 0) AS efault, r.refs
    FROM (SELECT trace_id, model, sum(refs_got)::BIGINT AS refs FROM outcomes GROUP BY ALL) r
    LEFT JOIN (
        -- The page is looked up for what is refused only.
        SELECT o.trace_id, o.model, count(DISTINCT (f.vm, f.gfn)) AS efault
        FROM (SELECT trace_id, fault_id, model FROM outcomes WHERE outcome = 'EFAULT') o
        JOIN faults f USING (trace_id, fault_id)
        GROUP BY ALL) e USING (trace_id, model)
), broken AS (
    SELECT trace_id, string_agg(format('{} {}: {}', model, invariant, violated - by_design), ', ' ORDER BY model, invariant) AS violated
    FROM invariants
    WHERE violated > by_design
    GROUP BY trace_id
)
SELECT
    regexp_extract(t.kernel, '^[0-9]+\.[0-9]+') || if(t.arch IN ('aarch64', 'arm64'), '-arm64', '') AS kernel,
    t.scenario,
    any_value(k.efault) AS kernel_efault,
    max(m.efault) FILTER (m.model = 'current') AS current_efault,
    max(m.efault) FILTER (m.model = 'v11') AS v11_efault,
    max(m.efault) FILTER (m.model = 'merged') AS merged_efault,
    max(m.refs) FILTER (m.model = 'current') AS current_refs,
    max(m.refs) FILTER (m.model = 'v11') AS v11_refs,
    max(m.refs) FILTER (m.model = 'merged') AS merged_refs,
    any_value(b.violated) AS violated
FROM kernel k
JOIN traces t USING (trace_id)
JOIN models m USING (trace_id)
LEFT JOIN broken b USING (trace_id)
GROUP BY 1, 2
ORDER BY 1, 2;
