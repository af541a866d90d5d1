-- Where host pages stand on a map of faults. Host addresses lie far apart: a gap of more than 2 MiB between faults is drawn
-- as 1 MiB. A page stands at its number minus its region's shift.
CREATE OR REPLACE TEMP TABLE report_address_map AS
WITH pages AS (
    SELECT DISTINCT (hva >> 12)::BIGINT AS page FROM faults WHERE trace_id = $id AND hva IS NOT NULL AND ts_ns IS NOT NULL
), marked AS (
    SELECT page, coalesce(page - lag(page) OVER (ORDER BY page) > 512, true) AS opens FROM pages
), numbered AS (
    SELECT page, sum(opens::INTEGER) OVER (ORDER BY page) AS region FROM marked
), regions AS (
    SELECT region, min(page) AS first, max(page) AS last FROM numbered GROUP BY region
)
SELECT first, last, first - coalesce(sum(last - first + 257) OVER (ORDER BY region ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::BIGINT AS shift FROM regions
