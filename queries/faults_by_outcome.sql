-- How did the faults of each trace end, by page kind: on the kernel, and in each model?
-- Columns: file (base name of the capture) and host say whose; source is `observed` (the kernel) or a model with its setting; outcome is a set such as FIXED|RETRY where a model cannot tell which; faults counts them; share is within trace, source and page kind.
-- Needs: replay, fault
-- Then: where a model's rows differ from the observed ones, ask `divergences` why, and `fidelity` how far the model can be believed.
WITH told AS (
    -- Of the faults that do not say it themselves.
    SELECT o.trace_id, o.fault_id, max(o.page_kind) AS page_kind
    FROM outcomes o
    SEMI JOIN (SELECT trace_id, fault_id FROM faults WHERE page_kind IS NULL) f USING (trace_id, fault_id)
    GROUP BY o.trace_id, o.fault_id
), kinds AS (
    -- One kind for each fault, or its counts would not stand side by side.
    SELECT f.trace_id, f.fault_id, f.observed_outcome, coalesce(f.page_kind, o.page_kind, 'unknown') AS page_kind
    FROM faults f
    LEFT JOIN told o USING (trace_id, fault_id)
), ends AS (
    SELECT trace_id, page_kind, 'observed' AS source, observed_outcome AS outcome
    FROM kinds
    UNION ALL
    SELECT o.trace_id, k.page_kind, o.model || ' ' || coalesce(o.setting, ''), coalesce(o.outcomes, o.outcome)
    FROM outcomes o
    JOIN kinds k USING (trace_id, fault_id)
), counted AS (
    SELECT trace_id, page_kind, source, outcome, count(*) AS faults
    FROM ends
    GROUP BY ALL
)
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    page_kind,
    source,
    outcome,
    faults,
    round(faults / sum(faults) OVER (PARTITION BY trace_id, page_kind, source), 4) AS share
FROM counted
JOIN traces t USING (trace_id)
ORDER BY trace_id, page_kind, outcome, if(source = 'observed', '', source);
