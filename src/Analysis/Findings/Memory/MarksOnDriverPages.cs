namespace TraceReplay.Analysis.Findings.Memory;

/// <summary>KVM takes references and leaves marks on pages that are a driver's.</summary>
internal static class MarksOnDriverPages
{
    public static Finding Finding { get; } = new()
    {
        Id = "driver-pages-touched",
        Severity = Severity.Note,
        Title = "KVM takes references and leaves marks on a driver's pages",
        Meaning = "Pages of a driver that happen to have a count are treated as if the core mm had given them out: KVM takes a reference during the fault and marks them accessed and dirty. Harmless for most drivers, and one reason why the merged series stopped it.",
        Kernels = "Up to 6.12.",
        Cause = "kernel",
        Advice = "A kernel from 6.13 on.",
        Certainty = "inferred",
        Recognised = "A breach of INV-09b by the model of the captured kernel.",
        Needs = ["violation INV-09b"],
        Sql = """
            SELECT v.trace_id, format('KVM takes references on {} page{} of a driver and marks them accessed or dirty', count(DISTINCT v.gfn), if(count(DISTINCT v.gfn) = 1, '', 's')) AS title,
                count(DISTINCT v.fault_id) AS faults, count(DISTINCT v.gfn) AS pages, min(v.fault_id) AS first_fault, min(v.seq) AS first_seq, format('INV-09b of the model {}: {} times', v.model, count(*)) AS evidence
            FROM @violations v JOIN (SELECT DISTINCT trace_id, model FROM @fidelity) c ON c.trace_id = v.trace_id AND c.model = v.model
            WHERE v.verdict = 'violated' AND v.invariant = 'INV-09b' GROUP BY v.trace_id, v.model
            """,
        Rows = "FROM violations WHERE trace_id = 'TRACE' AND invariant = 'INV-09b'",
    };
}
