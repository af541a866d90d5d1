namespace TraceReplay.Analysis.Findings.Memory;

/// <summary>A mapping that outlives what it maps.</summary>
internal static class StaleLeaf
{
    public static Finding Finding { get; } = new()
    {
        Id = "stale-leaf",
        Severity = Severity.Critical,
        Title = "A mapping outlives the page, the window or the buffer under it",
        Meaning = "A leaf is still there after the window over it has ended, after its page was freed, after its buffer moved, or it was installed across a window. The guest reads or writes memory that is somebody else's by now.",
        Kernels = "None should have it. What a model has that is not the captured kernel's is a defect of that model's design.",
        Cause = "kernel",
        Advice = "Report it, with the capture: query invariants, view violations (INV-06, INV-11, INV-12, INV-19, INV-24, INV-39).",
        Certainty = "measured",
        Recognised = "A breach that is certain (not violable) of INV-06, INV-11, INV-12, INV-19, INV-24 or INV-39, in a capture that lost nothing.",
        Needs = ["violation INV-06|violation INV-11|violation INV-12|violation INV-19|violation INV-24|violation INV-39"],
        Sql = """
            SELECT v.trace_id, format('{} {} broken {} times in {}{}: {}', v.invariant, any_value(v.name), count(*), if(v.model = 'kernel', 'the kernel''s own records', 'the model ' || v.model), coalesce(format(', first at gfn 0x{:x}', arg_min(v.gfn, v.seq)), ''), any_value(v.detail)) AS title,
                count(DISTINCT v.fault_id) AS faults, count(DISTINCT v.gfn) AS pages, min(v.fault_id) AS first_fault, min(v.seq) AS first_seq, format('{} rows in violations', count(*)) AS evidence,
                if(v.model = 'kernel' OR any_value(c.model) IS NOT NULL, NULL, 'note') AS severity, if(v.model = 'kernel', NULL, if(any_value(c.model) IS NULL, 'model', NULL)) AS cause, if(v.model = 'kernel', NULL, 'inferred') AS certainty
            FROM @violations v JOIN @traces t ON t.trace_id = v.trace_id AND t.lost = 0 LEFT JOIN (SELECT DISTINCT trace_id, model FROM @fidelity) c ON c.trace_id = v.trace_id AND c.model = v.model
            WHERE v.verdict = 'violated' AND v.invariant IN ('INV-06', 'INV-11', 'INV-12', 'INV-19', 'INV-24', 'INV-39') GROUP BY v.trace_id, v.invariant, v.model
            """,
        Rows = "FROM violations WHERE trace_id = 'TRACE' AND verdict = 'violated'",
    };
}
