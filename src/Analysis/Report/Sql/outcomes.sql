-- How faults ended, by the kind of page, on the kernel and in each model.
WITH same AS (
    -- The outcomes all have their fault's page kind, as they nearly always do: sums of both tell it, without a join of all rows.
    SELECT trace_id
    FROM (SELECT trace_id, bit_xor(hash(fault_id, page_kind)) AS kinds FROM faults WHERE trace_id = $id GROUP BY trace_id) f
    JOIN (SELECT trace_id, model, setting, bit_xor(hash(fault_id, page_kind)) AS kinds FROM outcomes WHERE trace_id = $id GROUP BY ALL) o USING (trace_id)
    GROUP BY trace_id
    HAVING bool_and(o.kinds = f.kinds)
), told AS (
    SELECT fault_id, max(page_kind) AS page_kind FROM outcomes WHERE trace_id = $id AND trace_id NOT IN (FROM same) GROUP BY fault_id
), kinds AS (
    -- One kind for each fault, or its counts would not stand side by side.
    SELECT f.fault_id, f.observed_outcome, coalesce(f.page_kind, o.page_kind) AS page_kind
    FROM (FROM faults WHERE trace_id = $id AND trace_id NOT IN (FROM same)) f LEFT JOIN told o USING (fault_id)
), counted AS (
    SELECT page_kind, NULL AS model, NULL AS setting, observed_outcome AS outcome, count(*) AS faults FROM faults WHERE trace_id = $id AND trace_id IN (FROM same) GROUP BY ALL
    UNION ALL
    SELECT page_kind, model, setting, coalesce(outcomes, outcome), count(*) FROM outcomes WHERE trace_id = $id AND trace_id IN (FROM same) GROUP BY ALL
    UNION ALL
    SELECT page_kind, NULL, NULL, observed_outcome, count(*) FROM kinds GROUP BY ALL
    UNION ALL
    SELECT k.page_kind, o.model, o.setting, coalesce(o.outcomes, o.outcome), count(*) FROM (FROM outcomes WHERE trace_id = $id) o JOIN kinds k USING (fault_id) GROUP BY ALL
), counts AS (
    SELECT coalesce(page_kind, 'unknown') AS kind, coalesce(model || coalesce(' ' || setting, ''), 'observed') AS source, coalesce(outcome, 'UNKNOWN') AS outcome, faults FROM counted
)
SELECT kind AS "page kind", source AS "said by", outcome, faults
FROM counts
ORDER BY sum(faults) OVER (PARTITION BY kind) DESC, kind, if(source = 'observed', '', source), faults DESC, outcome
