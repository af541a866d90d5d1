-- Faults on a map of time and host address, in cells of 1/200 of the time by 1/100 of the addresses (address_map.sql). Faults
-- without a memslot have no host address and are not on the map.
WITH f AS (
    SELECT ts_ns - $start AS t, (hva >> 12)::BIGINT AS page, gfn, coalesce(observed_outcome, 'UNKNOWN') AS outcome
    FROM faults WHERE trace_id = $id AND hva IS NOT NULL AND ts_ns IS NOT NULL
), mapped AS (
    SELECT f.t, f.page - p.shift AS y, f.gfn, f.page, f.outcome FROM f ASOF JOIN report_address_map p ON f.page >= p.first
), extent AS (
    SELECT greatest(max(t), 1) AS t, greatest(max(y), 1) AS y FROM mapped
)
SELECT m.outcome, (avg(m.t) / $unit)::DOUBLE AS time, (avg(m.y) / 256)::DOUBLE AS place, count(*) AS faults,
       format('0x{:x}', min(m.gfn)) AS gfn, format('0x{:x}', min(m.page) << 12) AS hva
FROM mapped m, extent e
GROUP BY m.outcome, floor(200.0 * m.t / e.t), floor(100.0 * m.y / e.y)
ORDER BY count(*) DESC, outcome, time, place
LIMIT 8000
