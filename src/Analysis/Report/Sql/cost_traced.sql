SELECT quantity, path, outcome, page_kind AS "page kind", n, p50, p90, p99, max, unit
FROM cost_traced WHERE trace_id = $id
ORDER BY quantity <> 'fault', n DESC, quantity, path, outcome
