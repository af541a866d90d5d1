-- Which events does each trace hold, and how many records of each?
-- Columns: file (base name of the capture) and host say whose; system and event as the kernel names them; records counts them; share is their part of the trace.
-- Needs: nothing
-- Then: an event that you miss here was not recorded or did not happen; `tracereplay info CAPTURE` says what a replay needs.
WITH counts AS (
    SELECT trace_id, system, event, sum(records)::BIGINT AS records
    FROM event_counts
    GROUP BY ALL
)
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    system,
    event,
    records,
    round(records / nullif(sum(records) OVER (PARTITION BY trace_id), 0), 6) AS share
FROM counts
JOIN traces t USING (trace_id)
ORDER BY trace_id, records DESC, system, event;
