SELECT assumption, value AS "taken as", round(100 * share, 2) AS "share (%)", inferred, equal AS "right", round(100 * error, 2) AS "error (%)", detail
FROM assumptions WHERE trace_id = $id
ORDER BY value = 'known', try_cast(regexp_extract(assumption, '[0-9]+') AS INTEGER), assumption, value
