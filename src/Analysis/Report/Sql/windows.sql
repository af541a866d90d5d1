-- Invalidation windows by what caused them, with the faults that met an open one on their VM.
WITH w AS (SELECT * FROM windows WHERE trace_id = $id),
     met AS (
         SELECT w.window_id, count(*) AS faults, count(*) FILTER (f.observed_outcome = 'RETRY') AS retried
         FROM w JOIN faults f ON f.trace_id = $id AND f.seq < coalesce(w.end_seq, 9223372036854775807) AND coalesce(f.end_seq, f.seq) > w.start_seq
              AND (f.vm IS NOT DISTINCT FROM w.vm) AND f.hva BETWEEN w.hva_start AND w.hva_end - 1
         GROUP BY 1)
SELECT coalesce(w.cause, 'unknown') AS cause, count(*) AS windows, count(*) FILTER (w.slots > 0) AS "on guest memory",
       (sum(w.gfns))::BIGINT AS "guest pages", (sum(w.zapped_pages))::BIGINT AS "pages unmapped",
       round(median(w.end_ns - w.start_ns) / $unit, 3) AS "median open", round(max(w.end_ns - w.start_ns) / $unit, 3) AS "longest open",
       coalesce(sum(met.faults), 0)::BIGINT AS "faults met", coalesce(sum(met.retried), 0)::BIGINT AS "retried",
       string_agg(DISTINCT w.ended_by, '; ') AS "end known by"
FROM w LEFT JOIN met USING (window_id)
GROUP BY 1
ORDER BY windows DESC, 1
