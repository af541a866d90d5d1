-- Time from fault to entry (or exit to user), in bins of half a power of two.
SELECT coalesce(observed_outcome, 'UNKNOWN') AS outcome, floor(2 * log2(greatest(latency_ns, 1)))::INTEGER AS bin, count(*) AS faults
FROM faults WHERE trace_id = $id AND latency_ns IS NOT NULL AND latency_ns >= 0
GROUP BY ALL ORDER BY outcome, bin
