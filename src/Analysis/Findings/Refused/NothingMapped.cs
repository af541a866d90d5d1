namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>EFAULT because nothing is mapped, or the mapping forbids the access.</summary>
internal static class NothingMapped
{
    public static Finding Finding { get; } = new()
    {
        Id = "nothing-mapped",
        Severity = Severity.Serious,
        Title = "EFAULT: no mapping of the VMM permits the access",
        Meaning = "The memslot names addresses of the VMM at which there is no mapping, or one that forbids the access: unmapped behind KVM's back, protected, or a file that is shorter than its mapping. KVM cannot resolve the fault and returns EFAULT. That is right, and all kernels do it.",
        Kernels = "All.",
        Cause = "vmm",
        Advice = "Find who unmapped or protected the address (syscalls munmap, mprotect, mremap; query thread/mapping_gone), or delete the memslot before the memory goes.",
        Certainty = "inferred",
        Recognised = "EFAULT on a page of kind N (no usable VMA), where get_user_pages failed and no VMA permits the access, the VMA forbids it, get_user_pages refuses such pages, or the driver's fault handler failed.",
        Needs = ["outcome EFAULT"],
        Sql = """
            SELECT r.trace_id,
                format('{} fault{} refused with EFAULT, first at gpa 0x{:x} ({}): {}', count(*), if(count(*) > 1, 's', ''), arg_min(gpa, seq), CASE arg_min(access, seq) WHEN 'w' THEN 'write' WHEN 'x' THEN 'fetch' ELSE 'read' END, reason) AS title,
                count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                format('{}{}', if(count(DISTINCT gfn) = 1, 'one page', format('{} pages between gfn 0x{:x} and 0x{:x}', count(DISTINCT gfn), min(gfn), max(gfn))), if(bool_or(is_vm_last), '; no fault of the VM comes after the last', '')) AS evidence,
                if(reason LIKE 'the driver%', 'driver', NULL) AS cause
            FROM @refused r
            WHERE observed_outcome = 'EFAULT' AND (reason LIKE 'get_user_pages failed and no VMA%' OR reason = 'the VMA forbids the access' OR reason LIKE 'get_user_pages refuses%' OR reason LIKE 'the driver''s fault handler%')
            GROUP BY trace_id, reason
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gpa) AS gpa, format('0x{:x}', hva) AS hva, access, page_kind FROM faults WHERE trace_id = 'TRACE' AND observed_outcome = 'EFAULT' AND page_kind = 'N'",
    };
}
