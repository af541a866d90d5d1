-- Two captures of one scenario side by side: what each holds, how its faults ended, the faults aligned, how long they took.
-- Aligned: the n-th fault of one access on one guest page (of one VM and address space), in both runs.
WITH
sides AS (SELECT * FROM (VALUES ('a', $a), ('b', $b)) s(side, trace_id)),
f AS (
    SELECT s.side, f.fault_id, f.seq, coalesce(f.vm, 0) AS vm, coalesce(f.as_id, 0) AS as_id, f.gfn, f.access, coalesce(f.observed_outcome, 'UNKNOWN') AS outcome, f.page_kind,
           f.latency_ns, f.latency_cycles,
           row_number() OVER (PARTITION BY s.side, coalesce(f.vm, 0), coalesce(f.as_id, 0), f.gfn, f.access ORDER BY f.seq) AS nth
    FROM faults f JOIN sides s USING (trace_id)
),
held AS (
    SELECT s.side, t.* FROM traces t JOIN sides s USING (trace_id)
),
capture AS (
    SELECT 1 AS part_no, 'capture' AS part, what, n, a, b, if(a IS NOT DISTINCT FROM b, '', 'differs') AS note, NULL::BIGINT AS fault_a, NULL::BIGINT AS fault_b
    FROM (
        SELECT what, n, max(value) FILTER (side = 'a') AS a, max(value) FILTER (side = 'b') AS b
        FROM (
            SELECT side, unnest(['kernel', 'format', 'clock', 'events', 'lost']) AS what, unnest([1, 2, 3, 4, 5]) AS n,
                   unnest([kernel, format, concat_ws(' in ', clock, clock_unit), events::VARCHAR, lost::VARCHAR]) AS value
            FROM held
            UNION ALL SELECT s.side, 'faults', 6, (SELECT count(*) FROM f WHERE f.side = s.side)::VARCHAR FROM sides s)
        GROUP BY what, n)
),
ends AS (
    SELECT 2 AS part_no, 'outcomes' AS part, outcome AS what, -max(n) AS n, coalesce(max(n) FILTER (side = 'a'), 0)::VARCHAR AS a, coalesce(max(n) FILTER (side = 'b'), 0)::VARCHAR AS b,
           if(a = b, '', 'differs') AS note, NULL::BIGINT AS fault_a, NULL::BIGINT AS fault_b
    FROM (SELECT side, outcome, count(*) AS n FROM f GROUP BY ALL) GROUP BY outcome
),
aligned AS (
    SELECT a.outcome AS a, b.outcome AS b, coalesce(a.page_kind, b.page_kind, 'unknown') AS page_kind, a.fault_id AS fault_a, b.fault_id AS fault_b
    FROM (FROM f WHERE side = 'a' AND gfn IS NOT NULL) a
    FULL JOIN (FROM f WHERE side = 'b' AND gfn IS NOT NULL) b USING (vm, as_id, gfn, access, nth)
),
faults_aligned AS (
    SELECT 3 AS part_no, 'faults aligned' AS part, page_kind AS what, if(a IS NOT DISTINCT FROM b, 1, 0) * 1000000000000 - count(*) AS n, coalesce(a, 'no such fault') AS a, coalesce(b, 'no such fault') AS b,
           count(*) || if(count(*) = 1, ' fault', ' faults') || CASE WHEN a IS NULL OR b IS NULL THEN ' in one run only' WHEN a = b THEN ' alike' ELSE ' end differently' END AS note,
           min(fault_a) AS fault_a, min(fault_b) AS fault_b
    FROM aligned GROUP BY aligned.a, aligned.b, page_kind
),
-- An interval of 95 % for each median by its order statistics; that of the ratio is made of their ends, and so is wide enough.
clocks AS (
    SELECT count(DISTINCT coalesce(clock_unit, 'ns')) = 1 AS same, any_value(coalesce(clock_unit, 'ns')) FILTER (side = 'a') AS unit_a, any_value(coalesce(clock_unit, 'ns')) FILTER (side = 'b') AS unit_b FROM held
),
timed AS (
    SELECT side, outcome, coalesce(latency_ns, latency_cycles) AS t FROM f WHERE coalesce(latency_ns, latency_cycles) IS NOT NULL
),
medians AS (
    SELECT side, outcome, count(*) AS n, quantile_disc(t, 0.5) AS p50,
           list_sort(list(t))[greatest(1, floor(count(*) / 2.0 - 0.98 * sqrt(count(*)))::BIGINT)] AS low,
           list_sort(list(t))[least(count(*), 1 + ceil(count(*) / 2.0 + 0.98 * sqrt(count(*)))::BIGINT)] AS high
    FROM timed GROUP BY ALL
),
latencies AS (
    SELECT 4 AS part_no, 'latency, median' AS part, outcome AS what, -(x.n + y.n) AS n, format('{} {} of {} faults', x.p50, c.unit_a, x.n) AS a, format('{} {} of {} faults', y.p50, c.unit_b, y.n) AS b,
           CASE
               WHEN NOT c.same THEN 'other clock: not compared'
               WHEN x.n < 6 OR y.n < 6 THEN 'too few for an interval'
               ELSE format('b takes {:.2f} times a ({:.2f} to {:.2f})', y.p50 / greatest(x.p50, 1), y.low / greatest(x.high, 1), y.high / greatest(x.low, 1))
                    || if(y.low > x.high OR y.high < x.low, '', ', which is no difference')
           END AS note,
           NULL::BIGINT AS fault_a, NULL::BIGINT AS fault_b
    FROM (FROM medians WHERE side = 'a') x JOIN (FROM medians WHERE side = 'b') y USING (outcome), clocks c
),
events AS (
    SELECT 5 AS part_no, 'events' AS part, event AS what, -greatest(coalesce(a, 0), coalesce(b, 0)) AS n, coalesce(a::VARCHAR, 'not recorded') AS a, coalesce(b::VARCHAR, 'not recorded') AS b,
           if(a IS NULL OR b IS NULL, 'in one capture only', 'differs') AS note, NULL::BIGINT AS fault_a, NULL::BIGINT AS fault_b
    FROM (
        SELECT event, sum(records) FILTER (side = 'a') AS a, sum(records) FILTER (side = 'b') AS b
        FROM event_counts JOIN sides USING (trace_id) GROUP BY event)
    WHERE a IS DISTINCT FROM b
)
SELECT part, what, a, b, note, fault_a, fault_b
FROM (FROM capture UNION ALL FROM ends UNION ALL FROM faults_aligned UNION ALL FROM latencies UNION ALL FROM events)
ORDER BY part_no, n, what, a, b
