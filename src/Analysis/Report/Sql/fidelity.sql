SELECT model || coalesce(' ' || setting, '') AS model, quantity, compared, matched, explained AS "explained misses", unexplained AS "unexplained misses", unknown AS "not known"
FROM fidelity
WHERE trace_id = $id
ORDER BY model, quantity <> 'outcome', quantity
