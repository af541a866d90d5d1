-- What the model of the captured kernel got wrong.
SELECT quantity, fault_id AS fault, seq, format('0x{:x}', gfn) AS gfn, observed, predicted, if(explained, 'yes', 'no') AS explained, cause
FROM fidelity_misses
WHERE trace_id = $id
ORDER BY explained, quantity <> 'outcome', seq
LIMIT 1000
