-- Where did a capture lose records, and how many?
-- Columns: file (base name of the capture) and host say whose; records lost on cpu after position after_seq, at ts_ns; records is NULL where the kernel did not say how many; of_trace is their part of all records of that trace.
-- Needs: losses
-- Then: a fault near such a hole may be misread; record again with a larger buffer (trace-cmd record -b).
SELECT
    l.trace_id,
    parse_filename(t.path) AS file,
    t.host,
    l.cpu,
    l.after_seq,
    l.ts_ns,
    l.count AS records,
    round(l.count / nullif(t.events + l.count, 0), 6) AS of_trace
FROM lost_events l
JOIN traces t USING (trace_id)
ORDER BY l.trace_id, l.after_seq, l.cpu;
