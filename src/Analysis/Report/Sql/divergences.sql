-- The ways in which two models answer the same fault differently.
SELECT model_a AS model, outcome_a AS "ends in", model_b AS "other model", outcome_b AS "ends there in", coalesce(page_kind, 'unknown') AS "page kind",
       count(*) AS faults, min(fault_id) AS "first fault", cause
FROM divergences
WHERE trace_id = $id
GROUP BY ALL
ORDER BY faults DESC, model_a, model_b, cause, 2, 4, 5, 7
