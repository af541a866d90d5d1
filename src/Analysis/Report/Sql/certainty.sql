SELECT coalesce(certainty, 'unknown') AS certainty, count(*) AS answers FROM outcomes WHERE trace_id = $id GROUP BY 1 ORDER BY 2 DESC, 1
