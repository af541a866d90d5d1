-- Which notifier windows hit no memslot, so that KVM had nothing to do?
-- Columns: file (base name of the capture) and host say whose; cause, notifier_event and comm as in `invalidations_by_cause`; windows counts those that overlap no memslot, of_all their part of all windows whose memslots are known; bytes is what they cover; total is how long they were open, in the clock's unit (unit); unknown counts windows for which the capture does not tell the memslots.
-- Needs: replay, memslots
-- Then: such a window moves neither mmu_invalidate_seq nor mmu_invalidate_in_progress; if one matters, the VMM's other memory (its heap, its stacks) shares an address space with the guest's and is busy.
WITH known AS (
    SELECT trace_id, count(*) FILTER (slots IS NOT NULL) AS known, count(*) FILTER (slots IS NULL) AS unknown FROM windows GROUP BY trace_id
), tasks AS (
    SELECT DISTINCT ON (trace_id, seq) trace_id, seq, comm FROM kvm_unmap_hva_range
)
SELECT
    k.trace_id,
    parse_filename(r.path) AS file,
    r.host,
    w.cause,
    w.notifier_event,
    t.comm,
    count(w.window_id) AS windows,
    round(count(w.window_id) / nullif(any_value(k.known), 0), 4) AS of_all,
    sum(w.hva_end - w.hva_start)::UBIGINT AS bytes,
    sum(w.end_ns - w.start_ns)::BIGINT AS total,
    coalesce(any_value(r.clock_unit), 'unknown') AS unit,
    any_value(k.unknown) AS unknown
FROM known k
LEFT JOIN traces r ON r.trace_id = k.trace_id
LEFT JOIN windows w ON w.trace_id = k.trace_id AND w.slots = 0
LEFT JOIN tasks t ON t.trace_id = w.trace_id AND t.seq = w.start_seq
GROUP BY k.trace_id, r.path, r.host, w.cause, w.notifier_event, t.comm
ORDER BY k.trace_id, windows DESC, w.cause, w.notifier_event, t.comm;
