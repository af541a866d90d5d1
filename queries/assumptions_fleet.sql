-- What does the replay of the fleet rest on: known, inferred, assumed?
-- Columns: assumption is its number (`tracereplay models --vocabulary`); traces counts the captures by value; share_max is the largest part of one capture's cases that rests on it, worst_trace, worst_file and worst_host that capture; error_max is the largest measured error of the inference, where the capture allowed to measure it.
-- Needs: replay
-- Then: the assumption with most `assumed` or `unknown` captures is the probe to add first; `tracereplay probes` prints it.
SELECT
    t.kernel,
    a.assumption,
    count(*) AS traces,
    count(*) FILTER (a.value = 'known') AS known,
    count(*) FILTER (a.value = 'inferred') AS inferred,
    count(*) FILTER (a.value = 'assumed') AS assumed,
    count(*) FILTER (a.value NOT IN ('known', 'inferred', 'assumed')) AS unknown,
    round(max(a.share), 6) AS share_max,
    arg_max(a.trace_id, a.share) AS worst_trace,
    arg_max(regexp_extract(t.path, '[^/]+$'), a.share) AS worst_file,
    arg_max(t.host, a.share) AS worst_host,
    max(a.error) AS error_max
FROM assumptions a
JOIN traces t USING (trace_id)
GROUP BY t.kernel, a.assumption
ORDER BY t.kernel, try_cast(regexp_extract(a.assumption, '[0-9]+') AS INTEGER), a.assumption;
