-- Which events does each trace hold, and how many records of each?
-- Columns: system and event as the kernel names them; records counts them; share is their part of the trace.
-- Then: an event that you miss here was not recorded or did not happen; `tracereplay info CAPTURE` says what a replay needs.
SELECT
    trace_id,
    system,
    event,
    sum(records)::BIGINT AS records,
    round(sum(records) / nullif(sum(sum(records)) OVER (PARTITION BY trace_id), 0), 6) AS share
FROM event_counts
GROUP BY trace_id, system, event
ORDER BY trace_id, records DESC, system, event;
