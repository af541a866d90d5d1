namespace TraceReplay.Analysis.Findings.Records;

/// <summary>The kernel's own records break an invariant.</summary>
internal static class RecordsBroken
{
    public static Finding Finding { get; } = new()
    {
        Id = "records-broken",
        Severity = Severity.Serious,
        Title = "The kernel's own records contradict each other",
        Meaning = "What the kernel recorded breaks an invariant that needs no model: windows that do not pair, a sequence number that goes back, a leaf that changes its page in one step. A defect of that kernel, or of a probe.",
        Kernels = "None should have it.",
        Cause = "kernel",
        Advice = "Look at the records around it (view violations, model kernel); report it with the capture.",
        Certainty = "measured",
        Recognised = "A certain breach of an invariant in the kernel's own records, other than those of a stale leaf or of references, in a capture that lost nothing.",
        Needs = ["violation INV-13|violation INV-15|violation INV-16|violation INV-17|violation INV-18|violation INV-22|violation INV-23|violation INV-25|violation INV-26|violation INV-33|violation INV-38"],
        Sql = """
            SELECT v.trace_id, format('{} {} broken {} times in the kernel''s own records: {}', invariant, any_value(name), count(*), any_value(detail)) AS title, count(DISTINCT fault_id) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                format('{} rows in violations', count(*)) AS evidence
            FROM @violations v JOIN @traces t ON t.trace_id = v.trace_id AND t.lost = 0 WHERE model = 'kernel' AND verdict = 'violated' AND invariant NOT IN ('INV-06', 'INV-11', 'INV-12', 'INV-19', 'INV-24', 'INV-39', 'INV-01', 'INV-02', 'INV-03', 'INV-07') GROUP BY v.trace_id, invariant
            """,
        Rows = "FROM violations WHERE trace_id = 'TRACE' AND model = 'kernel'",
    };
}
