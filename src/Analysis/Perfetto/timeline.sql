-- Everything that happens on a track, in time order: phase 0 ends a slice, 1 begins one, 2 is an instant, 3 changes a counter.
-- Only what overlaps $from to $until, in the capture's clock; and of that the part of $begin to $last, as the rows of a whole capture are sorted part by part.
-- args: annotations as NAME, a type (s text, n number, p address) and a value, parted by the characters 31 and 30.
WITH t AS (
    SELECT trace_id, start_ns, end_ns FROM traces WHERE trace_id = $trace
), f AS (
    SELECT faults.* REPLACE (coalesce(latency_ns, latency_cycles) AS latency_ns), greatest(coalesce(end_seq, 0), seq + 1) AS after
    FROM faults
    WHERE trace_id = $trace AND ts_ns <= $until AND ts_ns + coalesce(latency_ns, latency_cycles, 0) >= $from
      AND ts_ns <= $last AND ts_ns + coalesce(latency_ns, latency_cycles, 0) >= $begin
), w AS (
    SELECT windows.*, coalesce(slots, 1) > 0 AS counts,
           coalesce(windows.end_seq, 9223372036854775807) AS after,
           greatest(coalesce(windows.end_ns, t.end_ns), windows.start_ns) AS until
    FROM windows JOIN t USING (trace_id)
    WHERE windows.start_ns <= $until AND greatest(coalesce(windows.end_ns, t.end_ns), windows.start_ns) >= $from
), m AS (
    SELECT bo_moves.*, format('0x{:x}', bo) AS name FROM bo_moves WHERE trace_id = $trace
), moved AS (
    SELECT * FROM m WHERE ts_ns <= $until AND end_ns >= $from
), answers AS (
    SELECT fault_id, string_agg('model ' || model || chr(31) || 's' || chr(31) || coalesce(outcomes, outcome, 'UNKNOWN') || coalesce(': ' || reason, ''), chr(30) ORDER BY model, setting) AS args
    FROM outcomes
    WHERE trace_id = $trace AND fault_id IN (SELECT fault_id FROM f)
    GROUP BY fault_id
), arrivals AS (
    SELECT fault_id, string_agg(window_id::VARCHAR, ',' ORDER BY window_id) AS flows FROM export_flows GROUP BY fault_id
), settled AS (
    SELECT m.seq, m.end_seq, m.end_ns, m.bo, m.name, m.new_type,
           coalesce(lead(m.ts_ns) OVER later, t.end_ns) AS next_ns, coalesce(lead(m.seq) OVER later, 9223372036854775807) AS next_seq
    FROM m, t
    WHERE m.result = 0
    WINDOW later AS (PARTITION BY m.bo ORDER BY m.seq)
    QUALIFY m.end_ns <= $until AND coalesce(lead(m.ts_ns) OVER later, t.end_ns) >= $from
), first AS (
    SELECT name, arg_min(old_type, seq) AS old_type, min(ts_ns) AS next_ns, min(seq) AS next_seq FROM m WHERE result = 0 GROUP BY name HAVING arg_min(old_type, seq) IS NOT NULL AND min(ts_ns) >= $from AND (SELECT start_ns FROM t) <= $until
), pages AS (
    -- Bit 11 of an SPTE says present, bit 7 a large leaf.
    SELECT ts_ns, seq,
           ((new_spte & 2048 != 0 AND (level = 1 OR new_spte & 128 != 0))::BIGINT - (old_spte & 2048 != 0 AND (level = 1 OR old_spte & 128 != 0))::BIGINT) * (1::BIGINT << (9 * (level - 1))) AS delta
    FROM kvm_tdp_mmu_spte_changed
    WHERE trace_id = $trace AND level BETWEEN 1 AND 3
), rows AS (
    SELECT ts_ns AS ts, seq, if(latency_ns IS NULL, 2, 1) AS phase, 'fault' AS kind, vm, vcpu, pid, fault_id AS id, observed_outcome AS name, NULL::BIGINT AS delta, arrivals.flows,
           concat_ws(chr(30),
               'outcome' || chr(31) || 's' || chr(31) || observed_outcome,
               'gfn' || chr(31) || 'p' || chr(31) || gfn,
               'pfn' || chr(31) || 'p' || chr(31) || observed_pfn,
               'access' || chr(31) || 's' || chr(31) || access,
               'page kind' || chr(31) || 's' || chr(31) || page_kind,
               'level' || chr(31) || 'n' || chr(31) || observed_level,
               'known by' || chr(31) || 's' || chr(31) || observed_by,
               'fault_id' || chr(31) || 'n' || chr(31) || fault_id,
               'seq' || chr(31) || 'n' || chr(31) || seq,
               answers.args) AS args
    FROM f
    LEFT JOIN answers USING (fault_id)
    LEFT JOIN arrivals USING (fault_id)
    UNION ALL
    SELECT ts_ns + latency_ns, after, 0, 'fault', vm, vcpu, pid, fault_id, NULL, NULL, NULL, NULL FROM f WHERE latency_ns IS NOT NULL
    UNION ALL
    SELECT start_ns, start_seq, 1, 'window', vm, if(counts, 1, 0), pid, window_id, coalesce(cause, notifier_event, 'invalidation'), NULL, if(flows.window_id IS NULL, NULL, window_id::VARCHAR),
           concat_ws(chr(30),
               'cause' || chr(31) || 's' || chr(31) || cause,
               'notifier event' || chr(31) || 's' || chr(31) || notifier_event,
               'hva start' || chr(31) || 'p' || chr(31) || hva_start,
               'hva end' || chr(31) || 'p' || chr(31) || hva_end,
               'memslots' || chr(31) || 'n' || chr(31) || slots,
               'zapped pages' || chr(31) || 'n' || chr(31) || zapped_pages,
               'pid' || chr(31) || 'n' || chr(31) || pid,
               'ended by' || chr(31) || 's' || chr(31) || coalesce(ended_by, 'not seen'),
               'window_id' || chr(31) || 'n' || chr(31) || window_id)
    FROM w
    LEFT JOIN export_flows flows USING (window_id)
    UNION ALL
    SELECT until, after, 0, 'window', vm, if(counts, 1, 0), pid, window_id, NULL, NULL, NULL, NULL FROM w
    UNION ALL
    SELECT ts_ns, seq, 1, 'bo', 0, NULL, pid, 0, name, NULL, NULL,
           concat_ws(chr(30),
               'what' || chr(31) || 's' || chr(31) || 'move to ' || new_type,
               'from' || chr(31) || 'n' || chr(31) || old_type,
               'to' || chr(31) || 'n' || chr(31) || new_type,
               'bytes' || chr(31) || 'n' || chr(31) || size,
               'result' || chr(31) || 'n' || chr(31) || result,
               'windows' || chr(31) || 'n' || chr(31) || windows,
               'zapped pages' || chr(31) || 'n' || chr(31) || zapped_pages)
    FROM moved
    UNION ALL
    SELECT end_ns, end_seq, 0, 'bo', 0, NULL, pid, 0, name, NULL, NULL, NULL FROM moved
    UNION ALL
    SELECT end_ns, end_seq, 1, 'bo', 0, NULL, NULL, 0, name, NULL, NULL, 'what' || chr(31) || 's' || chr(31) || 'in ' || new_type FROM settled
    UNION ALL
    SELECT next_ns, next_seq, 0, 'bo', 0, NULL, NULL, 0, name, NULL, NULL, NULL FROM settled
    UNION ALL
    SELECT t.start_ns, -1, 1, 'bo', 0, NULL, NULL, 0, name, NULL, NULL, 'what' || chr(31) || 's' || chr(31) || 'in ' || old_type FROM first, t
    UNION ALL
    SELECT next_ns, next_seq, 0, 'bo', 0, NULL, NULL, 0, name, NULL, NULL, NULL FROM first
    UNION ALL
    SELECT ts_ns, seq, 3, 'pages', NULL, NULL, NULL, NULL, NULL, delta, NULL, NULL FROM pages WHERE ts_ns BETWEEN $from AND $until AND ts_ns BETWEEN $begin AND $last
    UNION ALL
    -- The counter goes on from what was mapped before.
    SELECT $from, -1, 3, 'pages', NULL, NULL, NULL, NULL, NULL, sum(delta)::BIGINT, NULL, NULL FROM pages WHERE ts_ns < $from AND $from BETWEEN $begin AND $last
)
SELECT ts, phase, kind, vm, vcpu, pid, id, name, delta, flows, args
FROM rows
WHERE (kind <> 'pages' OR delta <> 0) AND ts BETWEEN $begin AND $last
ORDER BY ts, seq, phase
