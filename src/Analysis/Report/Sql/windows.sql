-- Invalidation windows by what caused them, with the faults that met an open one on their VM.
WITH w AS (SELECT * FROM windows WHERE trace_id = $id),
     met AS (
         SELECT w.window_id, count(*) AS faults, count(*) FILTER (f.observed_outcome = 'RETRY') AS retried
         FROM w JOIN faults f ON f.trace_id = $id AND f.seq < coalesce(w.end_seq, 9223372036854775807) AND coalesce(f.end_seq, f.seq) > w.start_seq
              AND (f.vm IS NOT DISTINCT FROM w.vm) AND f.hva BETWEEN w.hva_start AND w.hva_end - 1
         GROUP BY 1)
SELECT coalesce(w.cause, 'unknown') AS cause, count(*) AS windows, count(*) FILTER (w.slots > 0) AS "on guest memory",
       (sum(w.gfns))::BIGINT AS "guest pages covered", (sum(w.zapped_pages))::BIGINT AS "pages unmapped",
       round(median(w.end_ns - w.start_ns) / 1e3, 3) AS "median time open (µs)", round(max(w.end_ns - w.start_ns) / 1e3, 3) AS "longest (µs)",
       coalesce(sum(met.faults), 0)::BIGINT AS "faults in its range while open", coalesce(sum(met.retried), 0)::BIGINT AS "of these retried",
       string_agg(DISTINCT w.ended_by, '; ') AS "how its end is known"
FROM w LEFT JOIN met USING (window_id)
GROUP BY 1
ORDER BY windows DESC, 1
