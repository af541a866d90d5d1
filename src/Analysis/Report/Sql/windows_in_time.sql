-- Invalidation windows on the same map as faults_in_time.sql: one row for each region of addresses that a window touches.
WITH w AS (
    SELECT window_id, start_ns, coalesce(end_ns, $end) AS end_ns, (hva_start >> 12)::BIGINT AS first, ((hva_end - 1) >> 12)::BIGINT AS last, cause, gfns
    FROM windows WHERE trace_id = $id AND hva_end > hva_start AND start_ns IS NOT NULL
)
SELECT w.window_id AS "window", ((w.start_ns - $start) / $unit)::DOUBLE AS "from", ((w.end_ns - $start) / $unit)::DOUBLE AS "to",
       ((greatest(w.first, p.first) - p.shift) / 256)::DOUBLE AS low, ((least(w.last, p.last) + 1 - p.shift) / 256)::DOUBLE AS high, coalesce(w.cause, 'cause unknown') AS cause
FROM w JOIN report_address_map p ON w.first <= p.last AND w.last >= p.first
ORDER BY w.gfns DESC NULLS LAST, w.window_id, p.first
LIMIT 300
