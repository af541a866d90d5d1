-- How long does a fault take, by the path that it went?
-- Columns: file (base name of the capture) and host say whose; path and outcome as observed, path by the model of the captured kernel; faults counts them, timed those whose end was seen; p50, p90, p99 and max are from the fault to its handler's return where that is recorded, else to the entry of the guest or the exit to user space (NULL where the guest may have run meanwhile), in the clock's unit (unit).
-- Needs: replay, fault
-- Then: compare only captures of one machine and one load; for the retries in it see `retry_storms`.
SELECT
    f.trace_id,
    parse_filename(t.path) AS file,
    t.host,
    t.kernel,
    coalesce(o.path, 'unknown') AS path,
    f.observed_outcome AS outcome,
    count(*) AS faults,
    count(coalesce(f.latency_ns, f.latency_cycles)) AS timed,
    quantile_disc(coalesce(f.latency_ns, f.latency_cycles), 0.5) AS p50,
    quantile_disc(coalesce(f.latency_ns, f.latency_cycles), 0.9) AS p90,
    quantile_disc(coalesce(f.latency_ns, f.latency_cycles), 0.99) AS p99,
    max(coalesce(f.latency_ns, f.latency_cycles)) AS max,
    coalesce(t.clock_unit, 'unknown') AS unit
FROM faults f
JOIN traces t USING (trace_id)
LEFT JOIN (SELECT DISTINCT trace_id, model, setting FROM fidelity) c ON c.trace_id = f.trace_id
LEFT JOIN outcomes o ON o.trace_id = f.trace_id AND o.fault_id = f.fault_id AND o.model = c.model AND o.setting = c.setting
GROUP BY ALL
ORDER BY f.trace_id, path, outcome;
