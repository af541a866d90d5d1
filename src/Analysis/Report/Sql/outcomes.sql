-- How faults ended, by the kind of page, on the kernel and in each model.
WITH f AS (SELECT fault_id, page_kind, coalesce(observed_outcome, 'UNKNOWN') AS outcome FROM faults WHERE trace_id = $id),
     o AS (SELECT fault_id, page_kind, coalesce(outcomes, outcome, 'UNKNOWN') AS outcome, model || coalesce(' ' || setting, '') AS source FROM outcomes WHERE trace_id = $id),
     -- One kind for each fault, or its counts would not stand side by side.
     k AS (SELECT f.fault_id, coalesce(any_value(f.page_kind), max(o.page_kind), 'unknown') AS kind FROM f LEFT JOIN o USING (fault_id) GROUP BY 1),
     ends AS (
         SELECT kind, 'observed' AS source, f.outcome FROM f JOIN k USING (fault_id)
         UNION ALL
         SELECT kind, source, o.outcome FROM o JOIN k USING (fault_id)),
     counts AS (SELECT kind, source, outcome, count(*) AS faults FROM ends GROUP BY ALL)
SELECT kind AS "page kind", source AS "said by", outcome, faults
FROM counts
ORDER BY sum(faults) OVER (PARTITION BY kind) DESC, kind, if(source = 'observed', '', source), faults DESC, outcome
