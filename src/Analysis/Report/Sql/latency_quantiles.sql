SELECT coalesce(observed_outcome, 'UNKNOWN') AS outcome, coalesce(page_kind, 'unknown') AS "page kind", count(latency_ns) AS faults,
       quantile_disc(latency_ns, 0.5) AS p50, quantile_disc(latency_ns, 0.9) AS p90, quantile_disc(latency_ns, 0.99) AS p99, max(latency_ns) AS max,
       count(*) - count(latency_ns) AS "without an end"
FROM faults WHERE trace_id = $id
GROUP BY ALL ORDER BY faults DESC
