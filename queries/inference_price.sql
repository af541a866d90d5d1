-- How far can a replay without probes be trusted, and what does each inference cost?
-- Columns: total to unobserved and coverage are of the outcomes of faults, as in `fidelity`; each other column is the error of one inference, in percent of its facts.
-- Needs: replay, fault, compared
-- Then: `assumptions` has the sentences behind the numbers, `fidelity_misses` the faults.
SELECT t.kernel, regexp_extract(t.path, '[^/]+$') AS capture, y.total, y.matched, y.in_set, y.missed, y.lost, y.read_off, y.unknown, y.unobserved, floor(1000000 * y.coverage) / 1000000 AS coverage,
       max(round(100 * a.error, 2)) FILTER (a.assumption = 'AS-1') AS memslots,
       max(round(100 * a.error, 2)) FILTER (a.assumption = 'AS-2') AS vma_kind,
       max(round(100 * a.error, 2)) FILTER (a.assumption = 'AS-3') AS page_kind,
       max(round(100 * a.error, 2)) FILTER (a.assumption = 'AS-4') AS refcounted,
       max(round(100 * a.error, 2)) FILTER (a.assumption = 'AS-5') AS window_end,
       max(round(100 * a.error, 2)) FILTER (a.assumption = 'writable') AS writable,
       max(round(100 * a.error, 2)) FILTER (a.assumption = 'outcome') AS outcome,
       max(round(100 * a.error, 2)) FILTER (a.assumption = 'observed') AS observed
FROM traces t
JOIN fidelity y ON y.trace_id = t.trace_id AND y.quantity = 'outcome'
JOIN assumptions a ON a.trace_id = t.trace_id
GROUP BY ALL
HAVING max(a.inferred) IS NOT NULL
ORDER BY t.kernel, capture
