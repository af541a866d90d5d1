namespace TraceReplay.Analysis.Findings.Memory;

/// <summary>The guest runs on shadow page tables.</summary>
internal static class ShadowPaging
{
    public static Finding Finding { get; } = new()
    {
        Id = "shadow-paging",
        Severity = Severity.Note,
        Title = "Shadow paging is in use",
        Meaning = "Two-dimensional paging is off (kvm_intel.ept=0, kvm_amd.npt=0) or the CPU lacks it: KVM builds the page tables that the CPU uses out of the guest's own, and every change of them costs.",
        Kernels = "x86.",
        Cause = "host",
        Advice = "Load the module with ept=1 or npt=1, unless shadow paging is what is tested.",
        Certainty = "measured",
        Recognised = "Faults of kind shadow: intercepted page faults, whose address is the guest's virtual one; at least half of all that are not MMIO.",
        Needs = ["kind shadow"],
        Sql = """
            SELECT trace_id, format('{} fault{} of shadow paging (ept=0 or npt=0)', count(*), if(count(*) = 1, '', 's')) AS title, count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq, format('{} faults of kind shadow', count(*)) AS evidence
            FROM @faults f JOIN (SELECT trace_id, count(*) FILTER (kind = 'shadow') AS shadow, count(*) FILTER (kind = 'tdp') AS tdp FROM @faults GROUP BY trace_id) n USING (trace_id)
            WHERE f.kind = 'shadow' AND n.shadow >= n.tdp GROUP BY trace_id
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gpa) AS gpa, observed_outcome FROM faults WHERE trace_id = 'TRACE' AND kind = 'shadow'",
    };
}
