SELECT coalesce(observed_outcome, 'UNKNOWN') AS outcome, coalesce(page_kind, 'unknown') AS "page kind", count(*) AS faults, count(latency) AS timed,
       quantile_disc(latency, 0.5) AS p50, quantile_disc(latency, 0.9) AS p90, quantile_disc(latency, 0.99) AS p99, max(latency) AS max
FROM (SELECT observed_outcome, page_kind, coalesce(latency_ns, latency_cycles) AS latency FROM faults WHERE trace_id = $id)
GROUP BY ALL ORDER BY faults DESC, 1, 2
