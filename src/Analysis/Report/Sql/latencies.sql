-- Time from fault to its handler's return (or entry, or exit to user), in bins of half a power of two.
SELECT coalesce(observed_outcome, 'UNKNOWN') AS outcome, floor(2 * log2(greatest(latency, 1)))::INTEGER AS bin, count(*) AS faults
FROM (SELECT observed_outcome, coalesce(latency_ns, latency_cycles) AS latency FROM faults WHERE trace_id = $id) WHERE latency >= 0
GROUP BY ALL ORDER BY outcome, bin
