-- How far does the model of the captured kernel agree with what that kernel did, and of how much can that be said?
-- Columns: file (base name of the capture) and host say whose; quantity is what was compared; total is the sum of matched (one value predicted, and observed), in_set (one of several predicted before the observation was looked at), missed, lost (missed behind recorded loss of records), read_off (equal, but told by the fault's own records), unknown (not predicted) and unobserved; agreement is matched of matched and missed, coverage (matched, in_set and missed) of total.
-- Needs: replay, fault, kernel
-- Then: believe the models' other answers as far as both numbers go; every miss stands in the view `fidelity_misses`.
SELECT
    f.trace_id,
    parse_filename(t.path) AS file,
    t.host,
    t.kernel,
    f.model,
    f.setting,
    f.quantity,
    f.total,
    f.matched,
    f.in_set,
    f.missed,
    f.lost,
    f.read_off,
    f.unknown,
    f.unobserved,
    -- Rounded down: 1 means all.
    floor(1000000 * f.matched / nullif(f.matched + f.missed, 0)) / 1000000 AS agreement,
    floor(1000000 * (f.matched + f.in_set + f.missed) / f.total) / 1000000 AS coverage
FROM fidelity f
JOIN traces t USING (trace_id)
WHERE f.total > 0
ORDER BY f.trace_id, f.model, f.quantity;
