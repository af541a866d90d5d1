namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>EFAULT, and nothing recorded says why.</summary>
internal static class RefusedUnexplained
{
    public static Finding Finding { get; } = new()
    {
        Id = "refused-unexplained",
        Severity = Severity.Critical,
        Title = "EFAULT, and the capture does not say why",
        Meaning = "KVM_RUN ended with EFAULT behind this fault. What the lookup found is not recorded, so it may be a tail page of a driver's block (kernels up to 6.12), an address without mapping, or a read-only leaf.",
        Kernels = "All.",
        Cause = "unknown",
        Advice = "Record the probes of `tracereplay probes`, kmem:mm_page_alloc with order > 0, and the syscalls mmap, munmap, mprotect: then the reason has a name.",
        Certainty = "measured",
        Recognised = "A fault that ends in EFAULT for which no model has a reason, or only that the lookup is not shown.",
        Needs = ["outcome EFAULT"],
        Sql = """
            SELECT trace_id,
                format('guest page at gpa 0x{:x} refused with EFAULT ({}{}){}, and the capture does not say why', arg_min(gpa, seq), CASE arg_min(access, seq) WHEN 'w' THEN 'write' WHEN 'x' THEN 'fetch' ELSE 'read' END,
                    if(arg_min(vcpu, seq) IS NULL, '', format(', vCPU {}', arg_min(vcpu, seq))), if(count(*) > 1, format(', and {} fault{} more', count(*) - 1, if(count(*) > 2, 's', '')), '')) AS title,
                count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                format('{} fault{} ended in EFAULT{}', count(*), if(count(*) = 1, '', 's'), if(bool_or(is_vm_last), '; no fault of the VM comes after the last', '')) AS evidence
            FROM @refused WHERE observed_outcome = 'EFAULT' AND NOT tail AND starts_with(coalesce(reason, 'the trace does not show'), 'the trace does not show')
            GROUP BY trace_id
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gpa) AS gpa, access FROM faults WHERE trace_id = 'TRACE' AND observed_outcome = 'EFAULT'",
    };
}
