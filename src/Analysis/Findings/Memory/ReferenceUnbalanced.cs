namespace TraceReplay.Analysis.Findings.Memory;

/// <summary>References that are put twice, or never.</summary>
internal static class ReferenceUnbalanced
{
    public static Finding Finding { get; } = new()
    {
        Id = "reference-unbalanced",
        Severity = Severity.Critical,
        Title = "References of host pages do not balance",
        Meaning = "A page's reference is put that the fault does not hold (double put: the page is freed under its owner), taken where the count is 0, or never given back (leak: the page can never be freed or moved).",
        Kernels = "v11 on 6.8 puts twice (INV-03); arm64 from 6.13 to 6.17 leaks on early exits. The models of released kernels have neither on what was captured.",
        Cause = "kernel",
        Advice = "Report it, with the capture: query invariants, view violations (INV-01, INV-02, INV-03, INV-07).",
        Certainty = "inferred",
        Recognised = "A breach that is certain of INV-01, INV-02, INV-03 or INV-07, in a capture that lost nothing.",
        Needs = ["violation INV-01|violation INV-02|violation INV-03|violation INV-07"],
        Sql = """
            SELECT v.trace_id, format('{} {} broken {} times in {}{}: {}', v.invariant, any_value(v.name), count(*), if(v.model = 'kernel', 'the kernel''s own records', 'the model ' || v.model), coalesce(format(', first at gfn 0x{:x}', arg_min(v.gfn, v.seq)), ''), any_value(v.detail)) AS title,
                count(DISTINCT v.fault_id) AS faults, count(DISTINCT v.gfn) AS pages, min(v.fault_id) AS first_fault, min(v.seq) AS first_seq, format('{} rows in violations', count(*)) AS evidence,
                if(v.model = 'kernel' OR any_value(c.model) IS NOT NULL, NULL, 'note') AS severity, if(v.model <> 'kernel' AND any_value(c.model) IS NULL, 'model', NULL) AS cause
            FROM @violations v JOIN @traces t ON t.trace_id = v.trace_id AND t.lost = 0 LEFT JOIN (SELECT DISTINCT trace_id, model FROM @fidelity) c ON c.trace_id = v.trace_id AND c.model = v.model
            WHERE v.verdict = 'violated' AND v.invariant IN ('INV-01', 'INV-02', 'INV-03', 'INV-07') GROUP BY v.trace_id, v.invariant, v.model
            """,
        Rows = "FROM violations WHERE trace_id = 'TRACE' AND invariant IN ('INV-01', 'INV-02', 'INV-03', 'INV-07')",
    };
}
