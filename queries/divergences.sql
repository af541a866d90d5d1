-- Where do two models answer the same fault differently, and why?
-- Columns: file (base name of the capture) and host say whose; outcome_a and outcome_b are what model_a and model_b say; cause is the difference in their logic; faults counts them; first_fault is the fault_id to look at.
-- Needs: replay, fault
-- Then: take first_fault to `query --sql "FROM outcomes WHERE fault_id = N"`, and read both reasons.
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    model_a,
    model_b,
    outcome_a,
    outcome_b,
    coalesce(page_kind, 'unknown') AS page_kind,
    count(*) AS faults,
    min(fault_id) AS first_fault,
    cause
FROM divergences
JOIN traces t USING (trace_id)
GROUP BY ALL
ORDER BY trace_id, faults DESC, model_a, model_b;
