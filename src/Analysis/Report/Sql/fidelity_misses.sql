-- What the model of the captured kernel got wrong, by sort.
SELECT quantity, observed, predicted, if(explained, 'yes', 'no') AS explained, cause, count(*) AS misses, min(fault_id) AS "first fault", min(seq) AS "first seq"
FROM fidelity_misses
WHERE trace_id = $id
GROUP BY quantity, observed, predicted, explained, cause
ORDER BY fidelity_misses.explained, quantity <> 'outcome', misses DESC, "first seq"
