SELECT event, function, if(is_return, 'return', 'entry') AS "at its" FROM probe_sites WHERE trace_id = $id ORDER BY event, 2, 3
