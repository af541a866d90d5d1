-- Which guest pages got EFAULT, on the kernel or in a model, and why?
-- Columns: file (base name of the capture) and host say whose; source is `observed` or a model with its setting; page_kind as `tracereplay models --vocabulary` tells (P4 = refcount-0 tail of a TTM block); reason is the model's own; first_gfn and last_gfn bound the pages; gfns counts different ones. A fault of which a model cannot tell whether it is refused is not counted for it.
-- Needs: replay, fault, end
-- Then: a P4 row means memory that KVM up to 6.12 cannot map at all; look the faults up with `query --sql "FROM faults WHERE page_kind = 'P4'"`.
WITH texts AS (
    -- Reasons are long, few, and in every row: up to the end a hash stands for each.
    SELECT hash(reason) AS why, any_value(reason) AS reason
    FROM outcomes
    WHERE outcome = 'EFAULT' AND reason IS NOT NULL
    GROUP BY why
), predicted AS (
    SELECT trace_id, fault_id, model, setting, page_kind, if(reason IS NULL, NULL, hash(reason)) AS why
    FROM outcomes
    WHERE outcome = 'EFAULT'
), reasons AS (
    -- The kernel gives no reason; the model of that kernel does, where it agrees.
    SELECT trace_id, fault_id, arg_min(why, model) AS why
    FROM predicted
    GROUP BY trace_id, fault_id
), refused AS (
    SELECT f.trace_id, 'observed' AS source, f.page_kind, f.gfn, r.why
    FROM faults f
    LEFT JOIN reasons r USING (trace_id, fault_id)
    WHERE f.observed_outcome = 'EFAULT'
    UNION ALL
    SELECT p.trace_id, p.model || ' ' || coalesce(p.setting, ''), coalesce(p.page_kind, f.page_kind), f.gfn, p.why
    FROM predicted p
    JOIN faults f USING (trace_id, fault_id)
), causes AS (
    SELECT
        trace_id,
        source,
        page_kind,
        why,
        count(*) AS faults,
        -- A set for each row that is printed: DISTINCT would hold a row for each fault.
        list_unique(list(gfn)) AS gfns,
        min(gfn) AS first_gfn,
        max(gfn) AS last_gfn
    FROM refused
    GROUP BY ALL
)
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    source,
    coalesce(page_kind, 'unknown') AS page_kind,
    coalesce(reason, 'no model predicts it') AS reason,
    faults,
    gfns,
    format('0x{:x}', first_gfn) AS first_gfn,
    format('0x{:x}', last_gfn) AS last_gfn
FROM causes
JOIN traces t USING (trace_id)
LEFT JOIN texts USING (why)
ORDER BY trace_id, if(source = 'observed', '', source), faults DESC, page_kind, reason;
