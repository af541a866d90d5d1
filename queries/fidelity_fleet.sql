-- How far do the models agree with the kernels of the whole fleet?
-- Columns: one row for each kernel, model and compared quantity; traces counts the captures behind it; agreement is matched/compared over all of them; worst and worst_trace name the capture with the lowest agreement; unexplained counts misses that no recorded fact explains.
-- Then: a kernel with a low agreement is one that the model does not describe: look at `fidelity_misses` of worst_trace before you believe its other answers.
SELECT
    t.kernel,
    f.model,
    f.setting,
    f.quantity,
    count(DISTINCT f.trace_id) AS traces,
    count(DISTINCT t.host) AS hosts,
    sum(f.compared)::BIGINT AS compared,
    sum(f.matched)::BIGINT AS matched,
    sum(f.explained)::BIGINT AS explained,
    sum(f.unexplained)::BIGINT AS unexplained,
    sum(f.unknown)::BIGINT AS unknown,
    round(sum(f.matched) / nullif(sum(f.compared), 0), 6) AS agreement,
    round(min(f.matched / nullif(f.compared, 0)), 6) AS worst,
    arg_min(f.trace_id, f.matched / nullif(f.compared, 0)) AS worst_trace
FROM fidelity f
JOIN traces t USING (trace_id)
GROUP BY t.kernel, f.model, f.setting, f.quantity
ORDER BY t.kernel, f.model, f.setting, f.quantity;
