-- What invalidated guest memory, and what did it cost?
-- Columns: file (base name of the capture) and host say whose; cause is the function or event in which the task opened its notifier windows (NULL: nothing recorded shows it, as for kswapd or khugepaged), comm that task; notifier_event is the kernel's; windows counts them, no_slot those that hit no memslot; zapped_pages counts 4 KiB pages whose SPTE was removed (NULL where no record tells, as on arm64); total, p50 and max are how long they were open, in the clock's unit (unit); retried counts faults on an address inside one while it was open; empty says which part of the windows over memslots removed nothing.
-- Needs: replay, kvm_unmap_hva_range or kvm_mmu_notifier_invalidate_range_start()
-- Then: a cause with many windows and few zapped_pages only costs retries; `retry_storms` shows which, `windows_without_memslot` the useless ones.
WITH retries AS (
    SELECT trace_id, fault_id, vm, hva, seq, coalesce(end_seq, seq) AS end_seq FROM faults WHERE observed_outcome = 'RETRY'
), open AS (
    -- In blocks of 4,096 events, so that a fault meets the windows of its time only; one that never ends lasts to the last retry.
    SELECT w.trace_id, w.window_id, w.vm, w.hva_start, w.hva_end, w.start_seq, w.end_seq,
           unnest(range(w.start_seq >> 12, (least(coalesce(w.end_seq, r.last), r.last) >> 12) + 1)) AS block
    FROM windows w
    JOIN (SELECT trace_id, vm, max(end_seq) AS last FROM retries GROUP BY ALL) r ON r.trace_id = w.trace_id AND r.vm = w.vm
    WHERE w.start_seq < r.last
), retried AS (
    SELECT w.trace_id, w.window_id, count(DISTINCT f.fault_id) AS faults
    FROM open w
    JOIN (SELECT *, unnest(range(seq >> 12, (end_seq >> 12) + 1)) AS block FROM retries) f
      ON f.trace_id = w.trace_id AND f.vm = w.vm AND f.block = w.block AND w.start_seq < f.end_seq AND coalesce(w.end_seq, 9223372036854775807) > f.seq
    WHERE f.hva >= w.hva_start AND f.hva < w.hva_end
    GROUP BY w.trace_id, w.window_id
), tasks AS (
    SELECT DISTINCT ON (trace_id, seq) trace_id, seq, comm FROM kvm_unmap_hva_range
)
SELECT
    w.trace_id,
    parse_filename(t.path) AS file,
    t.host,
    w.cause,
    w.notifier_event,
    k.comm,
    count(*) AS windows,
    count(*) FILTER (w.slots = 0) AS no_slot,
    sum(w.gfns)::BIGINT AS gfns,
    sum(w.zapped_leaves)::BIGINT AS zapped_leaves,
    sum(w.zapped_pages)::BIGINT AS zapped_pages,
    round(count(*) FILTER (w.slots > 0 AND w.zapped_leaves = 0) / nullif(count(*) FILTER (w.slots > 0 AND w.zapped_leaves IS NOT NULL), 0), 4) AS empty,
    sum(w.end_ns - w.start_ns)::BIGINT AS total,
    median(w.end_ns - w.start_ns)::BIGINT AS p50,
    max(w.end_ns - w.start_ns) AS max,
    coalesce(any_value(t.clock_unit), 'unknown') AS unit,
    coalesce(sum(r.faults), 0)::BIGINT AS retried
FROM windows w
LEFT JOIN traces t ON t.trace_id = w.trace_id
LEFT JOIN tasks k ON k.trace_id = w.trace_id AND k.seq = w.start_seq
LEFT JOIN retried r ON r.trace_id = w.trace_id AND r.window_id = w.window_id
GROUP BY w.trace_id, t.path, t.host, w.cause, w.notifier_event, k.comm
ORDER BY w.trace_id, zapped_pages DESC, windows DESC, w.cause, w.notifier_event, k.comm;
