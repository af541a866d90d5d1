-- Invariants that did not hold. `kernel` is the captured kernel's own record.
WITH first AS (
    SELECT model, invariant, verdict, min(seq) AS seq, any_value(detail ORDER BY seq) AS detail
    FROM violations WHERE trace_id = $id GROUP BY ALL
)
SELECT i.invariant, i.name, i.model || coalesce(' ' || i.setting, '') AS "said of", i.checked, i.held, i.violated, i.violable, i.by_design AS "by design",
       (SELECT min(seq) FROM first v WHERE v.model = i.model AND v.invariant = i.invariant) AS "first seq",
       (SELECT any_value(detail ORDER BY seq) FROM first v WHERE v.model = i.model AND v.invariant = i.invariant) AS detail
FROM invariants i
WHERE i.trace_id = $id AND i.violated + i.violable > 0
ORDER BY i.model <> 'kernel', i.violated DESC, i.violable DESC, i.invariant, i.model
