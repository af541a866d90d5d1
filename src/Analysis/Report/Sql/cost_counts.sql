-- Operations per fault by family, for the six paths with most faults. {means} is a pair for each operation that the models count.
WITH sums AS (
    SELECT path, model, count(*) AS n, MAP { {means} } AS means
    FROM cost_counts WHERE trace_id = $id AND work = 'fault' AND path IS NOT NULL GROUP BY path, model
), chosen AS (
    SELECT path, max(n) AS n FROM sums GROUP BY path ORDER BY n DESC, path LIMIT 6
), long AS (
    SELECT c.path, c.n, s.model, unnest(map_entries(s.means)) AS o FROM sums s JOIN chosen c USING (path)
), families AS (
    SELECT path, n, model, o.value AS mean, CASE
        WHEN o.key LIKE 'ref_%' THEN 'references'
        WHEN o.key IN ('page_line', 'memmap_check') OR o.key LIKE 'mark_%' THEN 'struct page and marks'
        WHEN o.key LIKE '%_lock' OR o.key LIKE 'mmu_lock_%' THEN 'locks'
        WHEN o.key LIKE 'walk_%' OR o.key LIKE '%_lookup' OR o.key LIKE 'memtype_%' THEN 'walks and lookups'
        WHEN o.key LIKE 'spte_%' THEN 'leaf writes'
        WHEN o.key LIKE '%_load' OR o.key LIKE '%_seq' THEN 'sequence and check loads'
        WHEN o.key LIKE '%_fault' THEN 'host and driver faults'
        ELSE 'other' END AS family
    FROM long
)
SELECT path || '  ' || model AS "path and model", family AS "operations", round(sum(mean), 3) AS "per fault"
FROM families
GROUP BY path, n, model, family
ORDER BY n DESC, path, model, family
