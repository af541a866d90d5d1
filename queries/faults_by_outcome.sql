-- How did the faults of each trace end, by page kind: on the kernel, and in each model?
-- Columns: file (base name of the capture) and host say whose; source is `observed` (the kernel) or a model with its setting; outcome is a set such as FIXED|RETRY where a model cannot tell which; faults counts them; share is within trace, source and page kind.
-- Needs: replay, fault
-- Then: where a model's rows differ from the observed ones, ask `divergences` why, and `fidelity` how far the model can be believed.
WITH kinds AS (
    -- One kind for each fault, or its counts would not stand side by side.
    SELECT f.trace_id, f.fault_id, coalesce(any_value(f.page_kind), max(o.page_kind), 'unknown') AS page_kind
    FROM faults f
    LEFT JOIN outcomes o USING (trace_id, fault_id)
    GROUP BY f.trace_id, f.fault_id
), ends AS (
    SELECT trace_id, k.page_kind, 'observed' AS source, f.observed_outcome AS outcome
    FROM faults f
    JOIN kinds k USING (trace_id, fault_id)
    UNION ALL
    SELECT trace_id, k.page_kind, o.model || ' ' || coalesce(o.setting, ''), coalesce(o.outcomes, o.outcome)
    FROM outcomes o
    JOIN kinds k USING (trace_id, fault_id)
)
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    page_kind,
    source,
    outcome,
    count(*) AS faults,
    round(count(*) / sum(count(*)) OVER (PARTITION BY trace_id, page_kind, source), 4) AS share
FROM ends
JOIN traces t USING (trace_id)
GROUP BY trace_id, t.path, t.host, page_kind, source, outcome
ORDER BY trace_id, page_kind, outcome, if(source = 'observed', '', source);
