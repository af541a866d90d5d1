-- Which invariants were checked, how often did they hold, and which were broken?
-- Columns: file (base name of the capture) and host say whose; model is a model, or kernel for the captured kernel's own records; by_design counts breaches in which the model's design consists; note says why an invariant was never checked; of a model (or of the kernel's records) those are left out that are evaluated on others only.
-- Needs: replay
-- Then: the view `violations` has a row for each breach; docs/invariants.md says what each invariant needs.
SELECT
    i.trace_id,
    t.file,
    t.host,
    t.kernel,
    i.model,
    i.setting,
    i.invariant,
    i.name,
    i.checked,
    i.held,
    i.violated,
    i.violable,
    i.by_design,
    i.note
FROM invariants i
JOIN (SELECT trace_id, parse_filename(path) AS file, host, kernel FROM traces) t USING (trace_id)
WHERE i.checked > 0 OR i.note IS NULL OR NOT starts_with(i.note, 'not of this')
ORDER BY i.trace_id, i.model, i.invariant;
