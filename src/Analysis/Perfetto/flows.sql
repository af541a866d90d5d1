-- From a window that took pages away to the first fault that asks for one of them again. By blocks of the VMM's memory that fit a
-- window's size, at most 34 each, so that a window meets the faults of its blocks only.
CREATE OR REPLACE TEMP TABLE export_flows AS
WITH w AS (
    SELECT window_id, vm, hva_start, hva_end, coalesce(windows.end_seq, 9223372036854775807) AS after,
           CASE WHEN hva_end - hva_start <= 67108864 THEN 21 WHEN hva_end - hva_start <= 34359738368 THEN 30 ELSE 63 END AS level
    FROM windows JOIN (SELECT trace_id, end_ns FROM traces WHERE trace_id = $trace) t USING (trace_id)
    WHERE windows.start_ns <= $until AND greatest(coalesce(windows.end_ns, t.end_ns), windows.start_ns) >= $from AND zapped_leaves > 0 AND hva_end > hva_start
), blocks AS (
    SELECT *, unnest(range((hva_start >> level)::BIGINT, ((hva_end - 1) >> level)::BIGINT + 1)) AS block FROM w
), f AS (
    SELECT fault_id, vm, hva, seq
    FROM faults
    WHERE trace_id = $trace AND ts_ns <= $until AND ts_ns + coalesce(latency_ns, latency_cycles, 0) >= $from AND hva IS NOT NULL
)
SELECT w.window_id, min(f.fault_id) AS fault_id
FROM (SELECT f.*, level, (hva >> level)::BIGINT AS block FROM f, (SELECT DISTINCT level FROM w)) f
JOIN blocks w ON w.vm = f.vm AND w.level = f.level AND w.block = f.block AND f.hva >= w.hva_start AND f.hva < w.hva_end AND f.seq > w.after
GROUP BY w.window_id
