-- Which faults make no progress: the same page and access on the same vCPU, again and again?
-- Columns: file (base name of the capture) and host say whose; times is how many faults of the run follow each other with no other fault of that vCPU between; lasted_ns from the first's begin to the last's; per_second their rate; spte_set how many of them left an SPTE (arm64: a stage-2 leaf); in_window how many met a notifier window that was open; observed the outcomes seen; models what each model makes of the last of them; at_end whether the capture ends within the run; first_fault a fault_id to look at.
-- Then: with spte_set 0 and in_window = times the window never ends (windows_without_memslot, invalidations_by_cause name its caller); with in_window 0 nothing recorded explains the retry: look at first_fault with `thread/what_changes`; with spte_set > 0 somebody takes the SPTE away again each time.
WITH ordered AS (
    SELECT *,
           row_number() OVER (PARTITION BY trace_id, pid ORDER BY seq)
             - row_number() OVER (PARTITION BY trace_id, pid, gfn, access ORDER BY seq) AS run,
           row_number() OVER (PARTITION BY trace_id, pid ORDER BY seq DESC) = 1 AS is_last
    FROM faults
    WHERE gfn IS NOT NULL
), met AS (
    SELECT DISTINCT f.trace_id, f.fault_id
    FROM faults f
    JOIN windows w ON w.trace_id = f.trace_id AND w.vm = f.vm AND w.start_seq < coalesce(f.end_seq, f.seq) AND coalesce(w.end_seq, 9223372036854775807) > f.seq
    WHERE w.slots IS NULL OR w.slots > 0
), runs AS (
    SELECT o.trace_id, o.vm, o.vcpu, o.pid, o.gfn, o.access, o.run,
           count(*) AS times,
           max(o.ts_ns) - min(o.ts_ns) AS lasted_ns,
           count(*) FILTER (o.observed_outcome IN ('FIXED', 'FIXED_FAST')) AS spte_set,
           count(*) FILTER (o.observed_outcome IN ('EMULATE', 'WRITE_PROTECTED', 'ASYNC', 'ABORT')) AS other_ways,
           count(m.fault_id) AS in_window,
           string_agg(DISTINCT o.observed_outcome, ', ' ORDER BY o.observed_outcome) AS observed,
           bool_or(o.is_last) AS at_end,
           min(o.fault_id) AS first_fault,
           max(o.fault_id) AS last_fault
    FROM ordered o
    LEFT JOIN met m USING (trace_id, fault_id)
    GROUP BY ALL
    -- Emulated, queued and write-protected faults come again by design; an injected abort sends the guest elsewhere. Two at the capture's end may be the begin of many.
    HAVING other_ways = 0 AND spte_set < times AND (times >= 3 OR (times = 2 AND at_end))
)
SELECT r.trace_id, parse_filename(t.path) AS file, t.host, r.vm, r.vcpu, r.pid,
       format('0x{:x}', r.gfn) AS gfn, r.access, r.times, r.lasted_ns,
       CASE WHEN r.lasted_ns > 0 THEN round((r.times - 1) * 1e9 / r.lasted_ns) END AS per_second,
       r.spte_set, r.in_window, r.observed,
       (SELECT string_agg(o.model || coalesce(' ' || o.setting, '') || ': ' || coalesce(o.outcomes, o.outcome, 'UNKNOWN'), '; ' ORDER BY o.model, o.setting)
        FROM outcomes o WHERE o.trace_id = r.trace_id AND o.fault_id = r.last_fault) AS models,
       r.at_end, r.first_fault
FROM runs r
JOIN traces t ON t.trace_id = r.trace_id
ORDER BY r.trace_id, r.times DESC, r.first_fault;
