-- How long does a fault take, by the path that it went?
-- Columns: file (base name of the capture) and host say whose; path and outcome as observed, path by the model of the captured kernel; faults counts them, timed those whose end was seen; p50, p90, p99 and max are from the fault to its handler's return where that is recorded, else to the entry of the guest or the exit to user space (NULL where the guest may have run meanwhile), in the clock's unit (unit).
-- Needs: replay, fault
-- Then: compare only captures of one machine and one load; for the retries in it see `retry_storms`.
WITH told AS (
    -- What the model of the captured kernel says: a part of the outcomes, and the only one that is kept for the join, a hash in place of the trace's id.
    SELECT hash(o.trace_id) AS trace, o.fault_id, o.path
    FROM outcomes o
    SEMI JOIN fidelity c ON c.trace_id = o.trace_id AND c.model = o.model AND c.setting = o.setting
), ways AS (
    SELECT
        f.trace_id,
        coalesce(o.path, 'unknown') AS path,
        f.observed_outcome AS outcome,
        count(*) AS faults,
        count(coalesce(f.latency_ns, f.latency_cycles)) AS timed,
        quantile_disc(coalesce(f.latency_ns, f.latency_cycles), [0.5, 0.9, 0.99]) AS p,
        max(coalesce(f.latency_ns, f.latency_cycles)) AS max
    FROM faults f
    LEFT JOIN told o ON o.trace = hash(f.trace_id) AND o.fault_id = f.fault_id
    GROUP BY ALL
)
SELECT
    w.trace_id,
    parse_filename(t.path) AS file,
    t.host,
    t.kernel,
    w.path AS path,
    w.outcome AS outcome,
    w.faults,
    w.timed,
    w.p[1] AS p50,
    w.p[2] AS p90,
    w.p[3] AS p99,
    w.max,
    coalesce(t.clock_unit, 'unknown') AS unit
FROM ways w
JOIN traces t USING (trace_id)
ORDER BY w.trace_id, path, outcome;
