-- What the model of the captured kernel got wrong, by sort. Outcomes are words and make sorts; of pfns and SPTEs one stands for all.
SELECT quantity, any_value(observed ORDER BY seq) AS "observed, e.g.", any_value(predicted ORDER BY seq) AS "predicted, e.g.",
       if(coalesce(lost, false), 'yes', 'no') AS "behind loss", cause, count(*) AS misses, min(fault_id) AS "first fault", min(seq) AS "first seq"
FROM fidelity_misses
WHERE trace_id = $id
GROUP BY quantity, coalesce(lost, false), cause, if(quantity = 'outcome', observed || predicted, '')
ORDER BY coalesce(lost, false), quantity <> 'outcome', misses DESC, "first seq", quantity, cause, 2
