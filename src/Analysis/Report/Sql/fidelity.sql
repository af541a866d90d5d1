-- Where each comparison of the captured kernel's model with that kernel stands; a share is rounded down, so that 100 % means all.
WITH f AS (SELECT *, matched + missed AS decided, matched + missed + in_set AS covered FROM fidelity WHERE trace_id = $id AND total > 0)
SELECT model || coalesce(' ' || setting, '') AS model, quantity,
       CASE WHEN decided = 0 THEN '-' WHEN missed = 0 THEN '100 %' ELSE format('{:.2f} %', floor(10000 * matched / decided) / 100) END AS agreement,
       CASE covered WHEN 0 THEN '0 %' WHEN total THEN '100 %' ELSE format('{:.2f} %', floor(10000 * covered / total) / 100) END AS coverage,
       total, matched, in_set AS "in a set", missed, lost AS "missed behind loss", read_off AS "read off", unknown AS "not predicted", unobserved AS "not observed"
FROM f
ORDER BY model, quantity <> 'outcome', missed = 0, quantity
