-- How far does the model of the captured kernel agree with what that kernel did?
-- Columns: quantity is what was compared, fault by fault; explained misses have a recorded cause (lost events, order within the clock's skew); agreement is matched/compared.
-- Then: believe the models' other answers as far as this number goes; every miss stands in the view `fidelity_misses`.
SELECT
    f.trace_id,
    t.kernel,
    f.model,
    f.setting,
    f.quantity,
    f.compared,
    f.matched,
    f.explained,
    f.unexplained,
    round(f.matched / nullif(f.compared, 0), 6) AS agreement
FROM fidelity f
JOIN traces t USING (trace_id)
ORDER BY f.trace_id, f.model, f.quantity;
