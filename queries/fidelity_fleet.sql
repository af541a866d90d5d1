-- How far do the models agree with the kernels of the whole fleet, and of how much can that be said?
-- Columns: one row for each kernel, model and compared quantity; traces counts the captures behind it; the counts and agreement and coverage are those of `fidelity` over all of them; worst and worst_trace, worst_file, worst_host name the capture with the lowest agreement, least_covered the one with the lowest coverage.
-- Needs: replay, fault, kernel
-- Then: a kernel with a low agreement is one that the model does not describe: look at `fidelity_misses` of worst_trace before you believe its other answers. Where coverage is low, `info` says what its captures should record.
SELECT
    t.kernel,
    f.model,
    f.setting,
    f.quantity,
    count(DISTINCT f.trace_id) AS traces,
    count(DISTINCT t.host) AS hosts,
    sum(f.total)::BIGINT AS total,
    sum(f.matched)::BIGINT AS matched,
    sum(f.in_set)::BIGINT AS in_set,
    sum(f.missed)::BIGINT AS missed,
    sum(f.lost)::BIGINT AS lost,
    sum(f.read_off)::BIGINT AS read_off,
    sum(f.unknown)::BIGINT AS unknown,
    sum(f.unobserved)::BIGINT AS unobserved,
    -- Rounded down: 1 means all.
    floor(1000000 * sum(f.matched) / nullif(sum(f.matched + f.missed), 0)) / 1000000 AS agreement,
    floor(1000000 * sum(f.matched + f.in_set + f.missed) / sum(f.total)) / 1000000 AS coverage,
    floor(1000000 * min(f.matched / nullif(f.matched + f.missed, 0))) / 1000000 AS worst,
    arg_min(f.trace_id, f.matched / nullif(f.matched + f.missed, 0)) AS worst_trace,
    arg_min(regexp_extract(t.path, '[^/]+$'), f.matched / nullif(f.matched + f.missed, 0)) AS worst_file,
    arg_min(t.host, f.matched / nullif(f.matched + f.missed, 0)) AS worst_host,
    arg_min(f.trace_id, f.coverage) AS least_covered
FROM fidelity f
JOIN traces t USING (trace_id)
WHERE f.total > 0
GROUP BY t.kernel, f.model, f.setting, f.quantity
ORDER BY t.kernel, f.model, f.setting, f.quantity;
