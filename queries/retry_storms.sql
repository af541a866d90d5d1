-- Which faults had to be retried, how often, and which notifier windows made them?
-- Columns: file (base name of the capture) and host say whose; window_of is whose window met the fault: `own` (opened by the faulting task inside its own lookup), `other`, or `none seen`; hit says whether the window covers the faulting address or only widens the hull of outstanding ones; cause and notifier_event are the window's; most_on_one_gfn and worst_gfn name the page that was retried most (of several the one that began); first_fault is a fault_id to look at; storms counts runs of 3 or more retries of one page by one task.
-- Needs: replay, fault, end
-- Then: `own` rows are copy-on-write inside the lookup and end after one retry; an `other` row with storms names the caller to quieten (khugepaged, KSM, madvise, mprotect), `none seen` rows need the probe on the notifier's end or the async page fault events.
WITH told_of AS (
    SELECT trace_id, fault_id, vm, pid, gfn, hva, seq, coalesce(end_seq, seq) AS end_seq, observed_outcome,
           lag(observed_outcome) OVER task = 'RETRY' AND lag(gfn) OVER task IS NOT DISTINCT FROM gfn AS again
    FROM faults
    WHERE trace_id IN (SELECT trace_id FROM faults WHERE observed_outcome = 'RETRY')
    WINDOW task AS (PARTITION BY trace_id, pid ORDER BY seq)
    QUALIFY observed_outcome = 'RETRY'
), retries AS (
    -- A run: the same task retries the same page with no other fault of its own in between.
    SELECT *, count(*) FILTER (again IS NOT TRUE) OVER (PARTITION BY trace_id, pid ORDER BY seq) AS run FROM told_of
), open AS (
    -- In blocks of 4,096 events, so that a fault meets the windows of its time only; one that never ends lasts to the last retry.
    SELECT w.trace_id, w.vm, w.pid, w.hva_start, w.hva_end, w.start_seq, w.end_seq, w.cause, w.notifier_event,
           unnest(range(w.start_seq >> 12, (least(coalesce(w.end_seq, r.last), r.last) >> 12) + 1)) AS block
    FROM windows w
    JOIN (SELECT trace_id, vm, max(end_seq) AS last FROM retries GROUP BY ALL) r ON r.trace_id = w.trace_id AND r.vm = w.vm
    WHERE w.start_seq < r.last AND (w.slots IS NULL OR w.slots > 0)
), met AS (
    SELECT r.trace_id, r.fault_id,
           arg_min(struct_pack(
               own := w.pid = r.pid,
               direct := r.hva >= w.hva_start AND r.hva < w.hva_end,
               cause := w.cause,
               notifier_event := w.notifier_event), (NOT (r.hva >= w.hva_start AND r.hva < w.hva_end), w.start_seq)) AS window
    FROM (SELECT *, unnest(range(seq >> 12, (end_seq >> 12) + 1)) AS block FROM retries) r
    JOIN open w ON w.trace_id = r.trace_id AND w.vm = r.vm AND w.block = r.block AND w.start_seq < r.end_seq AND coalesce(w.end_seq, 9223372036854775807) > r.seq
    GROUP BY r.trace_id, r.fault_id
), told AS (
    SELECT r.*,
           CASE WHEN m.window IS NULL THEN 'none seen' WHEN m.window.own THEN 'own' ELSE 'other' END AS window_of,
           CASE WHEN m.window IS NULL THEN NULL WHEN m.window.direct THEN 'address' ELSE 'hull' END AS hit,
           m.window.cause AS cause, m.window.notifier_event AS notifier_event,
           count(*) OVER (PARTITION BY r.trace_id, r.pid, r.gfn, r.run) AS run_length
    FROM retries r
    LEFT JOIN met m USING (trace_id, fault_id)
), by_page AS (
    SELECT trace_id, window_of, hit, cause, notifier_event, vm, gfn, count(*) AS retries,
           count(DISTINCT (pid, run)) FILTER (run_length >= 3) AS storms, max(run_length) AS longest, min(fault_id) AS first_fault
    FROM told
    GROUP BY ALL
)
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    window_of,
    hit,
    cause,
    notifier_event,
    sum(retries)::BIGINT AS retries,
    count(*) AS pages,
    sum(storms)::BIGINT AS storms,
    max(longest) AS longest_run,
    max(retries) AS most_on_one_gfn,
    format('0x{:x}', arg_min(gfn, (-retries, first_fault))) AS worst_gfn,
    min(first_fault) AS first_fault
FROM by_page
JOIN traces t USING (trace_id)
GROUP BY trace_id, t.path, t.host, window_of, hit, cause, notifier_event
ORDER BY trace_id, retries DESC, window_of, hit, cause, notifier_event;
