-- How did the faults of each trace end, by page kind: on the kernel, and in each model?
-- Columns: file (base name of the capture) and host say whose; source is `observed` (the kernel) or a model with its setting; outcome is a set such as FIXED|RETRY where a model cannot tell which; faults counts them; share is within trace, source and page kind.
-- Needs: replay, fault
-- Then: where a model's rows differ from the observed ones, ask `divergences` why, and `fidelity` how far the model can be believed.
WITH same AS (
    -- Traces whose outcomes all have their fault's page kind, as nearly all do: sums of both tell it, without a join of all rows.
    SELECT trace_id
    FROM (SELECT trace_id, bit_xor(hash(fault_id, page_kind)) AS kinds FROM faults GROUP BY trace_id) f
    JOIN (SELECT trace_id, model, setting, bit_xor(hash(fault_id, page_kind)) AS kinds FROM outcomes GROUP BY ALL) o USING (trace_id)
    GROUP BY trace_id
    HAVING bool_and(o.kinds = f.kinds)
), told AS (
    SELECT trace_id, fault_id, max(page_kind) AS page_kind
    FROM outcomes
    WHERE trace_id NOT IN (FROM same)
    GROUP BY ALL
), kinds AS (
    -- One kind for each fault, or its counts would not stand side by side.
    SELECT f.trace_id, f.fault_id, f.observed_outcome, coalesce(f.page_kind, o.page_kind) AS page_kind
    FROM (FROM faults WHERE trace_id NOT IN (FROM same)) f
    LEFT JOIN told o USING (trace_id, fault_id)
), counted AS (
    SELECT trace_id, page_kind, NULL AS model, NULL AS setting, observed_outcome AS outcome, count(*) AS faults FROM faults WHERE trace_id IN (FROM same) GROUP BY ALL
    UNION ALL
    SELECT trace_id, page_kind, model, setting, coalesce(outcomes, outcome), count(*) FROM outcomes WHERE trace_id IN (FROM same) GROUP BY ALL
    UNION ALL
    SELECT trace_id, page_kind, NULL, NULL, observed_outcome, count(*) FROM kinds GROUP BY ALL
    UNION ALL
    SELECT o.trace_id, k.page_kind, o.model, o.setting, coalesce(o.outcomes, o.outcome), count(*) FROM outcomes o JOIN kinds k USING (trace_id, fault_id) GROUP BY ALL
), told_of AS (
    SELECT trace_id, coalesce(page_kind, 'unknown') AS page_kind, coalesce(model || ' ' || coalesce(setting, ''), 'observed') AS source, outcome, faults
    FROM counted
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
FROM told_of
JOIN traces t USING (trace_id)
ORDER BY trace_id, page_kind, outcome, if(source = 'observed', '', source);
