-- What went wrong on the newest day that no earlier day of the same host and kernel had?
-- Columns: finding is a kind of violation, divergence or infidelity, as `nightly` keeps apart; traces and rows count it on the newest day; example is a trace that has it, example_file its file; baseline_days and baseline_traces say how much there was to compare with: where they are 0 the row is new because everything is.
-- Needs: replay
-- Then: `nightly` says the same with its statistics; look an example up with `summary`, `invariants`, `divergences` or `fidelity_misses`.
WITH kinds AS (
    SELECT trace_id, 'violation' AS kind, format('{} by {}: {}', invariant, model, verdict) AS finding, count(*) AS rows FROM violations GROUP BY ALL
    UNION ALL
    SELECT trace_id, 'divergence', format('{} {}, {} {}, page kind {}', model_a, outcome_a, model_b, outcome_b, coalesce(page_kind, 'unknown')), count(*) FROM divergences GROUP BY ALL
    UNION ALL
    SELECT trace_id, 'infidelity', format('{} of {}', quantity, model), count(*) FROM fidelity_misses WHERE NOT coalesce(lost, false) GROUP BY ALL
), days AS (
    SELECT trace_id, path, host, kernel, date, max(date) OVER (PARTITION BY host, kernel) AS newest FROM traces
), baseline AS (
    SELECT d.host, d.kernel, f.kind, f.finding FROM kinds f JOIN days d USING (trace_id) WHERE d.date < d.newest GROUP BY ALL
), depth AS (
    SELECT host, kernel, count(DISTINCT date) AS days, count(*) AS traces FROM days WHERE date < newest GROUP BY ALL
)
SELECT
    d.host,
    d.kernel,
    any_value(d.date) AS date,
    f.kind,
    f.finding,
    count(*) AS traces,
    sum(f.rows)::BIGINT AS rows,
    min(f.trace_id) AS example,
    arg_min(regexp_extract(d.path, '[^/]+$'), f.trace_id) AS example_file,
    coalesce(any_value(h.days), 0) AS baseline_days,
    coalesce(any_value(h.traces), 0) AS baseline_traces
FROM kinds f
JOIN days d USING (trace_id)
LEFT JOIN depth h ON h.host IS NOT DISTINCT FROM d.host AND h.kernel IS NOT DISTINCT FROM d.kernel
ANTI JOIN baseline b ON b.host IS NOT DISTINCT FROM d.host AND b.kernel IS NOT DISTINCT FROM d.kernel AND b.kind = f.kind AND b.finding = f.finding
WHERE d.date = d.newest
GROUP BY d.host, d.kernel, f.kind, f.finding
ORDER BY d.host, d.kernel, f.kind, traces DESC, rows DESC, f.finding;
