-- One fault for each way to diverge, with what the kernel and all models say of it; faults that would not have come at all stand last.
WITH ways AS (
    SELECT outcome_a, outcome_b, page_kind, any_value(cause ORDER BY model_a, model_b) AS cause, count(DISTINCT fault_id) AS faults, min(fault_id) AS fault_id
    FROM divergences WHERE trace_id = $id
    GROUP BY outcome_a, outcome_b, page_kind
)
SELECT w.fault_id, w.faults, w.cause, f.seq, coalesce(f.end_seq, f.seq) AS end_seq, f.ts_ns, coalesce(f.latency_ns, f.latency_cycles) AS latency_ns, f.pid, f.vcpu,
       format('0x{:x}', f.gpa) AS gpa, f.access, coalesce(w.page_kind, 'unknown') AS page_kind, coalesce(f.observed_outcome, 'UNKNOWN') AS observed,
       (SELECT string_agg(model || ' ' || coalesce(setting, '') || ' ' || coalesce(outcomes, outcome, 'UNKNOWN') || coalesce(' (' || path || ')', ''), ', ' ORDER BY model)
        FROM outcomes o WHERE o.trace_id = $id AND o.fault_id = w.fault_id) AS models
FROM ways w
JOIN faults f ON f.trace_id = $id AND f.fault_id = w.fault_id
WHERE f.seq IS NOT NULL
ORDER BY coalesce(w.outcome_a = 'SPURIOUS' OR w.outcome_b = 'SPURIOUS', false), w.faults DESC, w.fault_id
