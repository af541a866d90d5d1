SELECT count(*) FILTER (checked > 0) AS checked, count(*) FILTER (checked > 0 AND held = checked) AS held,
       coalesce(sum(checked), 0)::BIGINT AS checks, count(DISTINCT invariant) FILTER (checked > 0) AS distinct_checked, count(DISTINCT invariant) AS distinct_known
FROM invariants WHERE trace_id = $id
