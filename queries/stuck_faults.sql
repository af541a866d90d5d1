-- Which faults make no progress: the same page and access on the same vCPU, again and again?
-- Columns: file (base name of the capture) and host say whose; times is how many faults of the run follow each other with no other fault of that vCPU between; lasted_ns from the first's begin to the last's; per_second their rate; spte_set how many of them left an SPTE (arm64: a stage-2 leaf); in_window how many met a notifier window that was open; observed the outcomes seen; models what each model makes of the last of them; at_end whether the capture ends within the run; first_fault a fault_id to look at.
-- Needs: replay, fault
-- Then: with spte_set 0 and in_window = times the window never ends (windows_without_memslot, invalidations_by_cause name its caller); with in_window 0 nothing recorded explains the retry: look at first_fault with `thread/what_changes`; with spte_set > 0 somebody takes the SPTE away again each time.
WITH suspects AS (
    -- A thread whose faults all set an SPTE is not stuck.
    SELECT DISTINCT trace_id, pid FROM faults WHERE gfn IS NOT NULL AND coalesce(observed_outcome, '') NOT IN ('FIXED', 'FIXED_FAST')
), near AS (
    -- Most faults are alone on their page. To see which, all are sorted: a few numbers of each, and the rest is looked up for those that are left.
    SELECT trace, fault_id, coalesce(lag(page) OVER task = page, false) AS again, lead(page) OVER task IS NULL AS is_last
    FROM (
        SELECT hash(trace_id) AS trace, pid, seq, fault_id, hash(gfn, access) AS page
        FROM faults
        WHERE gfn IS NOT NULL AND (trace_id, pid) IN (FROM suspects))
    WINDOW task AS (PARTITION BY trace, pid ORDER BY seq)
    QUALIFY again OR lead(page) OVER task = page
), ordered AS (
    SELECT f.trace_id, f.fault_id, f.seq, coalesce(f.end_seq, f.seq) AS end_seq, f.ts_ns, f.vm, f.vcpu, f.pid, f.gfn, f.access, f.observed_outcome, n.is_last,
           count(*) FILTER (NOT n.again) OVER (PARTITION BY f.trace_id, f.pid ORDER BY f.seq) AS run
    FROM near n
    JOIN faults f ON hash(f.trace_id) = n.trace AND f.fault_id = n.fault_id
), reach AS (
    -- How far the windows that began up to here last: only then is one look at the last of them enough.
    SELECT trace_id, vm, start_seq, max(coalesce(end_seq, 9223372036854775807)) OVER (PARTITION BY trace_id, vm ORDER BY start_seq) AS end_seq
    FROM windows
    WHERE slots IS NULL OR slots > 0
), runs AS (
    SELECT o.trace_id, o.vm, o.vcpu, o.pid, o.gfn, o.access, o.run,
           count(*) AS times,
           max(o.ts_ns) - min(o.ts_ns) AS lasted_ns,
           count(*) FILTER (o.observed_outcome IN ('FIXED', 'FIXED_FAST')) AS spte_set,
           count(*) FILTER (o.observed_outcome IN ('EMULATE', 'WRITE_PROTECTED', 'ASYNC', 'ABORT')) AS other_ways,
           count(*) FILTER (w.end_seq > o.seq) AS in_window,
           string_agg(DISTINCT o.observed_outcome, ', ' ORDER BY o.observed_outcome) AS observed,
           bool_or(o.is_last) AS at_end,
           min(o.fault_id) AS first_fault,
           max(o.fault_id) AS last_fault
    FROM ordered o
    ASOF LEFT JOIN reach w ON w.trace_id = o.trace_id AND w.vm = o.vm AND w.start_seq < o.end_seq
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
