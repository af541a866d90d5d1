SELECT cpu, after_seq AS "after seq", ts_ns AS "at", count AS records FROM lost_events WHERE trace_id = $id ORDER BY after_seq, cpu LIMIT 1000
