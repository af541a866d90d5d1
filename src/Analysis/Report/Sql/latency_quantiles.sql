-- How often each time was taken, in place of a list of all times.
WITH times AS (
    SELECT coalesce(observed_outcome, 'UNKNOWN') AS outcome, coalesce(page_kind, 'unknown') AS kind, coalesce(latency_ns, latency_cycles) AS latency, count(*) AS n
    FROM faults WHERE trace_id = $id GROUP BY ALL
), ranked AS (
    SELECT outcome, kind, latency, n, sum(n) OVER (PARTITION BY outcome, kind ORDER BY latency NULLS LAST) AS upto,
           sum(n) FILTER (latency IS NOT NULL) OVER (PARTITION BY outcome, kind) AS timed
    FROM times
)
SELECT outcome, kind AS "page kind", sum(n)::BIGINT AS faults, coalesce(sum(n) FILTER (latency IS NOT NULL), 0)::BIGINT AS timed,
       min(latency) FILTER (upto >= ceil(timed * 0.5)) AS p50, min(latency) FILTER (upto >= ceil(timed * 0.9)) AS p90, min(latency) FILTER (upto >= ceil(timed * 0.99)) AS p99, max(latency) AS max
FROM ranked
GROUP BY ALL ORDER BY faults DESC, 1, 2
