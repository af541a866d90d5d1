SELECT path, model, units AS faults, repetitions, round(ns, 1) AS "ns per fault", ratio, ratio_low AS "ratio from", ratio_high AS "ratio to", verdict
FROM cost_measured WHERE trace_id = $id
ORDER BY path <> 'all', units DESC, path, model
LIMIT 60
