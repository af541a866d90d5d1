-- Which guest pages are refused, by the kernel or by a model, and why.
WITH refused AS (
    SELECT f.fault_id, 'observed' AS source, f.page_kind, f.gfn,
           -- The kernel gives no reason; the model of that kernel does, where it agrees.
           (SELECT any_value(o.reason ORDER BY o.model) FROM outcomes o WHERE o.trace_id = $id AND o.fault_id = f.fault_id AND o.outcome = 'EFAULT') AS reason
    FROM faults f WHERE f.trace_id = $id AND f.observed_outcome = 'EFAULT'
    UNION ALL
    SELECT o.fault_id, o.model || coalesce(' ' || o.setting, ''), coalesce(o.page_kind, f.page_kind), f.gfn, o.reason
    FROM outcomes o JOIN faults f USING (trace_id, fault_id)
    WHERE o.trace_id = $id AND o.outcome = 'EFAULT'
)
SELECT source AS "refused by", coalesce(page_kind, 'unknown') AS "page kind", count(*) AS faults, count(DISTINCT gfn) AS pages,
       format('0x{:x}', min(gfn)) AS "first gfn", format('0x{:x}', max(gfn)) AS "last gfn", coalesce(reason, 'no model predicts it') AS why
FROM refused
GROUP BY source, page_kind, reason
ORDER BY if(source = 'observed', '', source), faults DESC, 2, why
