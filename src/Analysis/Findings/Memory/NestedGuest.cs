namespace TraceReplay.Analysis.Findings.Memory;

/// <summary>A guest runs in the guest.</summary>
internal static class NestedGuest
{
    public static Finding Finding { get; } = new()
    {
        Id = "nested-guest",
        Severity = Severity.Note,
        Title = "An L2 guest runs (nested virtualization)",
        Meaning = "The guest is a hypervisor itself. Faults of its own guests go through page tables that it made; the models here do not judge them.",
        Kernels = "All.",
        Cause = "guest",
        Advice = "Read the numbers of the outer guest only; faults of the inner one stand as kind nested.",
        Certainty = "measured",
        Recognised = "Faults of kind nested, or records of kvm_nested_vmexit.",
        Needs = ["kind nested|event kvm_nested_vmexit"],
        Sql = """
            WITH within AS (
                SELECT trace_id, seq, fault_id, gfn FROM @faults WHERE kind = 'nested' UNION ALL SELECT trace_id, seq, NULL, NULL FROM @nested_exits
            )
            SELECT trace_id, format('an L2 guest runs: {} nested fault{}, {} nested VM exit{}', count(fault_id), if(count(fault_id) = 1, '', 's'), count(*) - count(fault_id), if(count(*) - count(fault_id) = 1, '', 's')) AS title, count(fault_id) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                format('{} faults of kind nested, {} kvm_nested_vmexit', count(fault_id), count(*) - count(fault_id)) AS evidence
            FROM within GROUP BY trace_id
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gpa) AS gpa FROM faults WHERE trace_id = 'TRACE' AND kind = 'nested'",
    };
}
