-- Which TTM buffers moved, and what did that take away from guests?
-- Columns: file (base name of the capture) and host say whose; moves that a guest noticed come first; old_place and new_place are TTM's memory types (`driver N`: one of the driver's own); old_place and size are NULL where the probe does not read them; evict says that somebody else needed the room; result is `ok` or the move's errno (EMULTIHOP: it goes by way of another place, the next row); took is how long the move took, in the clock's unit (unit); windows counts the notifier windows inside it, over_memslots those of them that met a memslot (NULL where the memslots are not known); zapped_pages counts guest pages whose SPTE was removed inside the move; refaulted counts pages that a recorded fault had mapped before the move and that the guest touched again behind it (a first touch is none), and refused those of these that KVM then would not map.
-- Needs: replay, ttm_bo_handle_move_mem()
-- Then: refused pages are the TTM tails of `efault_causes`; a move with zapped_pages and no refault was of memory that the guest did not need.
WITH touched AS (
    SELECT m.trace_id, m.seq, w.vm, w.hva_start, w.hva_end, w.start_seq, m.end_seq, w.slots
    FROM bo_moves m
    JOIN windows w ON w.trace_id = m.trace_id AND w.pid = m.pid AND w.start_seq > m.seq AND w.start_seq < m.end_seq
    WHERE m.windows > 0
), met AS (
    SELECT trace_id, seq, count(*) FILTER (slots > 0) AS over_memslots, count(slots) AS known FROM touched GROUP BY trace_id, seq
), mapped AS (
    -- A leaf of a level above 1 maps the pages around the one that faulted, too.
    SELECT trace_id, vm, as_id, coalesce(observed_level, 1) AS level, gfn // (1 << 9 * (coalesce(observed_level, 1) - 1)) AS block, min(seq) AS seq
    FROM faults WHERE observed_outcome IN ('FIXED', 'FIXED_FAST', 'SPURIOUS') AND trace_id IN (SELECT trace_id FROM touched)
    GROUP BY ALL
), pages AS (
    -- What was faulted last is enough to know that something was behind a move.
    SELECT trace_id, vm, as_id, gfn, hva, max(seq) AS last_seq, max(seq) FILTER (observed_outcome = 'EFAULT') AS last_refused
    FROM faults WHERE hva IS NOT NULL AND trace_id IN (SELECT trace_id FROM touched)
    GROUP BY ALL
), levels AS (
    -- Unnested: DuckDB would take a join with three rows apart, and first join every page with every block of its VM.
    SELECT *, gfn // (1 << 9 * (level - 1)) AS block FROM (SELECT *, unnest([1, 2, 3]) AS level FROM pages)
), since AS (
    SELECT l.trace_id, l.vm, l.gfn, l.hva, l.last_seq, l.last_refused, min(p.seq) AS seq
    FROM levels l
    JOIN mapped p ON p.trace_id = l.trace_id AND p.vm = l.vm AND p.as_id IS NOT DISTINCT FROM l.as_id AND p.level = l.level AND p.block = l.block
    GROUP BY ALL
), later AS (
    SELECT t.trace_id, t.seq, count(DISTINCT s.gfn) AS refaulted, count(DISTINCT s.gfn) FILTER (s.last_refused > t.end_seq) AS refused
    FROM touched t
    JOIN since s ON s.trace_id = t.trace_id AND s.vm = t.vm AND s.hva >= t.hva_start AND s.hva < t.hva_end AND s.last_seq > t.end_seq AND s.seq < t.start_seq
    GROUP BY t.trace_id, t.seq
)
SELECT
    m.trace_id,
    parse_filename(r.path) AS file,
    r.host,
    m.seq,
    m.ts_ns,
    format('0x{:x}', m.bo) AS bo,
    coalesce(['system', 'TT', 'VRAM'][(m.old_type + 1)::BIGINT], 'driver ' || m.old_type) AS old_place,
    coalesce(['system', 'TT', 'VRAM'][(m.new_type + 1)::BIGINT], 'driver ' || m.new_type) AS new_place,
    m.size,
    m.evict,
    -- The errno by its name: EMULTIHOP sends the buffer by way of another place first.
    CASE m.result WHEN 0 THEN 'ok' WHEN -4 THEN 'EINTR' WHEN -11 THEN 'EAGAIN' WHEN -12 THEN 'ENOMEM' WHEN -16 THEN 'EBUSY' WHEN -22 THEN 'EINVAL' WHEN -28 THEN 'ENOSPC'
        WHEN -35 THEN 'EDEADLK' WHEN -72 THEN 'EMULTIHOP' WHEN -512 THEN 'ERESTARTSYS' ELSE m.result::VARCHAR END AS result,
    m.end_ns - m.ts_ns AS took,
    coalesce(r.clock_unit, 'unknown') AS unit,
    m.windows,
    CASE WHEN m.windows = 0 THEN 0 WHEN n.known > 0 THEN n.over_memslots END AS over_memslots,
    m.zapped_pages,
    coalesce(l.refaulted, 0) AS refaulted,
    coalesce(l.refused, 0) AS refused
FROM bo_moves m
LEFT JOIN traces r ON r.trace_id = m.trace_id
LEFT JOIN met n ON n.trace_id = m.trace_id AND n.seq = m.seq
LEFT JOIN later l ON l.trace_id = m.trace_id AND l.seq = m.seq
ORDER BY m.zapped_pages > 0 OR coalesce(n.over_memslots, 0) > 0 OR coalesce(l.refaulted, 0) > 0 DESC, m.trace_id, m.windows > 0 DESC, m.seq;
