-- Which guest pages got EFAULT, on the kernel or in a model, and why?
-- Columns: file (base name of the capture) and host say whose; source is `observed` or a model with its setting; page_kind as `tracereplay models --vocabulary` tells (P4 = refcount-0 tail of a TTM block); reason is the model's own; first_gfn and last_gfn bound the pages; gfns counts different ones. A fault of which a model cannot tell whether it is refused is not counted for it.
-- Needs: replay, fault, end
-- Then: a P4 row means memory that KVM up to 6.12 cannot map at all; look the faults up with `query --sql "FROM faults WHERE page_kind = 'P4'"`.
WITH refused AS (
    SELECT
        f.trace_id, 'observed' AS source, f.page_kind, f.gfn,
        -- The kernel gives no reason; the model of that kernel does, where it agrees.
        (SELECT any_value(o.reason ORDER BY o.model) FROM outcomes o
         WHERE o.trace_id = f.trace_id AND o.fault_id = f.fault_id AND o.outcome = 'EFAULT') AS reason
    FROM faults f
    WHERE f.observed_outcome = 'EFAULT'
    UNION ALL
    SELECT o.trace_id, o.model || ' ' || coalesce(o.setting, ''), coalesce(o.page_kind, f.page_kind), f.gfn, o.reason
    FROM outcomes o
    JOIN faults f USING (trace_id, fault_id)
    WHERE o.outcome = 'EFAULT'
)
SELECT
    trace_id,
    parse_filename(t.path) AS file,
    t.host,
    source,
    coalesce(page_kind, 'unknown') AS page_kind,
    coalesce(reason, 'no model predicts it') AS reason,
    count(*) AS faults,
    count(DISTINCT gfn) AS gfns,
    format('0x{:x}', min(gfn)) AS first_gfn,
    format('0x{:x}', max(gfn)) AS last_gfn
FROM refused
JOIN traces t USING (trace_id)
GROUP BY trace_id, t.path, t.host, source, page_kind, reason
ORDER BY trace_id, if(source = 'observed', '', source), faults DESC;
