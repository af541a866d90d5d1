-- Which guest pages fault most?
-- Columns: file (base name of the capture) and host say whose; gfn with the memslot of its last fault; faults on it by outcome (fixed counts FIXED, FIXED_FAST and SPURIOUS); pfns counts the host pages that were seen there; first_seq and last_seq bound them; at most 20 pages of each trace, and of those with one fault none; more_pages counts the pages left out that faulted more than once.
-- Needs: replay, fault
-- Then: many pfns mean that the host moves the page (KSM, compaction, eviction), many retries that something invalidates it: `invalidations_by_cause`.
WITH often AS (
    -- Most pages fault once. Of the others a hash of what names the page is enough to see which are shown.
    SELECT hash(trace_id) AS trace, hash(trace_id, vm, as_id, gfn) AS page, count(*) AS faults, min(seq) AS first_seq
    FROM faults
    WHERE vm IS NOT NULL AND as_id IS NOT NULL AND gfn IS NOT NULL
    GROUP BY ALL
    HAVING count(*) > 1
), most AS (
    SELECT page, greatest(count(*) OVER (PARTITION BY trace) - 20, 0) AS more_pages
    FROM often
    QUALIFY row_number() OVER (PARTITION BY trace ORDER BY faults DESC, first_seq) <= 20
), pages AS (
    SELECT
        trace_id, vm, as_id, gfn,
        max_by(slot_id, seq) AS slot_id,
        count(*) AS faults,
        count(*) FILTER (observed_outcome IN ('FIXED', 'FIXED_FAST', 'SPURIOUS')) AS fixed,
        count(*) FILTER (observed_outcome = 'RETRY') AS retried,
        count(*) FILTER (observed_outcome = 'EMULATE') AS emulated,
        count(*) FILTER (observed_outcome = 'EFAULT') AS refused,
        count(DISTINCT observed_pfn) AS pfns,
        min(seq) AS first_seq,
        max(seq) AS last_seq,
        any_value(more_pages) AS more_pages
    FROM faults f
    JOIN most m ON m.page = hash(f.trace_id, f.vm, f.as_id, f.gfn)
    GROUP BY trace_id, vm, as_id, gfn
)
SELECT
    trace_id, parse_filename(t.path) AS file, t.host, vm, as_id, slot_id, format('0x{:x}', gfn) AS gfn, faults, fixed, retried, emulated, refused, pfns, first_seq, last_seq, more_pages
FROM pages
JOIN traces t USING (trace_id)
ORDER BY trace_id, faults DESC, first_seq;
