SELECT event, system, records FROM event_counts WHERE trace_id = $id ORDER BY records DESC, event
