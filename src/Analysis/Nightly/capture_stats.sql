-- What one capture contributes to a night: one row a quantity. $faults, $outcomes, ... are the files of that capture.
WITH
f AS (FROM read_parquet(getvariable('faults'), hive_partitioning = false)),
total AS (SELECT count(*) AS faults FROM f),
captured AS (SELECT DISTINCT model FROM read_parquet(getvariable('fidelity'), hive_partitioning = false)),
paths AS (
    SELECT f.latency_ns, coalesce(o.path, 'other') AS path
    FROM f JOIN read_parquet(getvariable('outcomes'), hive_partitioning = false) o USING (fault_id)
    WHERE o.model IN (FROM captured) AND f.latency_ns IS NOT NULL
),
latencies AS (
    SELECT 'all' AS path, latency_ns FROM f WHERE latency_ns IS NOT NULL
    UNION ALL SELECT path, latency_ns FROM paths
),
percentiles AS (
    SELECT path, count(*) AS n, quantile_cont(latency_ns, 0.5) AS p50, quantile_cont(latency_ns, 0.99) AS p99
    FROM latencies GROUP BY path HAVING count(*) >= 20
)
SELECT 'count faults' AS quantity, faults::DOUBLE AS value, faults AS n FROM total
UNION ALL SELECT 'count events', getvariable('events')::DOUBLE, getvariable('events')
UNION ALL SELECT 'count lost', getvariable('lost')::DOUBLE, getvariable('lost')
UNION ALL SELECT 'outcome ' || coalesce(observed_outcome, 'UNKNOWN'), count(*) / any_value(faults), any_value(faults) FROM f, total GROUP BY observed_outcome
UNION ALL SELECT 'divergence ' || model_a || '/' || model_b, count(*) / any_value(faults), any_value(faults)
    FROM read_parquet(getvariable('divergences'), hive_partitioning = false), total GROUP BY model_a, model_b
UNION ALL SELECT 'latency p50 ' || path, p50, n FROM percentiles
UNION ALL SELECT 'latency p99 ' || path, p99, n FROM percentiles WHERE n >= 100
UNION ALL SELECT 'fidelity ' || quantity, sum(matched) / sum(compared), sum(compared)
    FROM read_parquet(getvariable('fidelity'), hive_partitioning = false) GROUP BY quantity HAVING sum(compared) > 0
UNION ALL SELECT 'lost', lost::DOUBLE / greatest(1, lost + events), events FROM (SELECT getvariable('lost') AS lost, getvariable('events') AS events)
UNION ALL SELECT 'kind violation: ' || invariant || ' ' || name || ' in ' || model, count(*)::DOUBLE, count(*)
    FROM read_parquet(getvariable('violations'), hive_partitioning = false) WHERE verdict = 'violated' GROUP BY invariant, name, model
UNION ALL SELECT 'kind divergence: ' || coalesce(page_kind, 'unknown page') || ', ' || model_a || ' ' || outcome_a || ', ' || model_b || ' ' || outcome_b, count(*)::DOUBLE, count(*)
    FROM read_parquet(getvariable('divergences'), hive_partitioning = false) GROUP BY page_kind, model_a, model_b, outcome_a, outcome_b
UNION ALL SELECT 'kind infidelity: ' || quantity || ' in ' || model, sum(unexplained)::DOUBLE, sum(compared)
    FROM read_parquet(getvariable('fidelity'), hive_partitioning = false) GROUP BY quantity, model HAVING sum(unexplained) > 0
