-- The ways in which two models answer the same fault differently; faults that would not have come at all stand last.
WITH ways AS (
    SELECT model_a, outcome_a, model_b, outcome_b, coalesce(page_kind, 'unknown') AS page_kind, count(*) AS faults, min(fault_id) AS first_fault, cause
    FROM divergences
    WHERE trace_id = $id
    GROUP BY ALL
)
SELECT model_a AS model, outcome_a AS "ends in", model_b AS "other model", outcome_b AS "ends there in", page_kind AS "page kind", faults, first_fault AS "first fault", cause
FROM ways
ORDER BY coalesce(outcome_a = 'SPURIOUS' OR outcome_b = 'SPURIOUS', false), faults DESC, model_a, model_b, cause, outcome_a, outcome_b, page_kind, first_fault
