-- Which TTM buffers moved, and what did that take away from guests?
-- Columns: old_place and new_place are TTM's memory types (0 system, 1 TT, 2 VRAM, from 3 on the driver's own); old_place and size are NULL where the probe does not read them; evict says that somebody else needed the room; zapped_pages counts guest pages whose SPTE was removed inside the move; refaulted those of them that the guest touched again later, and refused those of these that KVM then would not map.
-- Then: refused pages are the TTM tails of `efault_causes`; a move with zapped_pages and no refault was of memory that the guest did not need.
WITH touched AS (
    SELECT m.trace_id, m.seq, w.vm, w.hva_start, w.hva_end, m.end_seq
    FROM bo_moves m
    JOIN windows w ON w.trace_id = m.trace_id AND w.pid = m.pid AND w.start_seq > m.seq AND w.start_seq < m.end_seq
    WHERE m.windows > 0
), later AS (
    SELECT t.trace_id, t.seq, count(DISTINCT f.gfn) AS refaulted, count(DISTINCT f.gfn) FILTER (f.observed_outcome = 'EFAULT') AS refused
    FROM touched t
    JOIN faults f ON f.trace_id = t.trace_id AND f.vm = t.vm AND f.hva >= t.hva_start AND f.hva < t.hva_end AND f.seq > t.end_seq
    GROUP BY t.trace_id, t.seq
)
SELECT
    m.trace_id,
    m.seq,
    m.ts_ns,
    format('0x{:x}', m.bo) AS bo,
    m.old_type AS old_place,
    m.new_type AS new_place,
    m.size,
    m.evict,
    m.result,
    m.end_ns - m.ts_ns AS ns,
    m.windows,
    m.zapped_pages,
    coalesce(l.refaulted, 0) AS refaulted,
    coalesce(l.refused, 0) AS refused
FROM bo_moves m
LEFT JOIN later l ON l.trace_id = m.trace_id AND l.seq = m.seq
ORDER BY m.trace_id, m.seq;
