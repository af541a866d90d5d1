namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>A write to a driver's mapping that is read-only by its protection.</summary>
internal static class ReadOnlyMapping
{
    public static Finding Finding { get; } = new()
    {
        Id = "readonly-mapping",
        Severity = Severity.Warning,
        Title = "Write to a driver's mapping that is read-only",
        Meaning = "The VMM mapped the memory read-only, or made it so, and the memslot is writable. On x86 KVM emulates the write, which ends as MMIO in the VMM; on arm64 it returns EFAULT.",
        Kernels = "All.",
        Cause = "vmm",
        Advice = "A READONLY memslot where reads are meant, a writable mapping where writes are.",
        Certainty = "measured",
        Recognised = "A write on a VM_PFNMAP page whose leaf is read-only and whose VMA does not permit writes.",
        Needs = ["outcome EFAULT|outcome EMULATE"],
        Sql = """
            SELECT trace_id, format('{} write{} to a driver''s memory that the VMM maps read-only, first at gpa 0x{:x}: {}', count(*), if(count(*) > 1, 's', ''), arg_min(gpa, seq), if(bool_or(observed_outcome = 'EFAULT'), 'refused with EFAULT', 'emulated')) AS title,
                count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq, format('{} EFAULT, {} EMULATE', count(*) FILTER (observed_outcome = 'EFAULT'), count(*) FILTER (observed_outcome = 'EMULATE')) AS evidence,
                if(bool_or(observed_outcome = 'EFAULT'), 'serious', NULL) AS severity
            FROM @refused WHERE reason = 'the remapped leaf is read-only' GROUP BY trace_id
            """,
        Rows = "SELECT f.fault_id, format('0x{:x}', f.gpa) AS gpa, f.observed_outcome FROM faults f JOIN outcomes o USING (trace_id, fault_id) WHERE f.trace_id = 'TRACE' AND o.reason = 'the remapped leaf is read-only'",
    };
}
