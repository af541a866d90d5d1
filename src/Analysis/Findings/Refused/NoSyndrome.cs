namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>arm64: an access without memory whose syndrome does not say what it was.</summary>
internal static class NoSyndrome
{
    public static Finding Finding { get; } = new()
    {
        Id = "no-syndrome",
        Severity = Severity.Critical,
        Title = "arm64: MMIO that cannot be emulated (no valid syndrome)",
        Meaning = "The access met no memory, or a read-only memslot, and the syndrome says nothing of register and size (ISV=0: load/store pair, write-back, SIMD, cache maintenance). KVM has no emulator for it on arm64: KVM_RUN ends with ENOSYS or, if the VMM asked for it, KVM_EXIT_ARM_NISV. The guest cannot go on.",
        Kernels = "arm64, all.",
        Cause = "guest",
        Advice = "The guest must touch device memory with plain loads and stores; or the memory that it means is missing: see the memslots.",
        Certainty = "measured",
        Recognised = "The fault ended with ENOSYS or KVM_EXIT_ARM_NISV.",
        Needs = ["outcome ENOSYS"],
        Sql = """
            SELECT trace_id, format('{} access{} without valid syndrome (ISV=0), first at gpa 0x{:x}, failed with ENOSYS{}', count(*), if(count(*) > 1, 'es', ''), arg_min(gpa, seq), if(count(*) = 1 AND bool_or(is_vm_last), '. The VM stopped there', '')) AS title,
                count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq, format('{} fault{} ended in ENOSYS', count(*), if(count(*) = 1, '', 's')) AS evidence
            FROM @refused WHERE observed_outcome = 'ENOSYS' GROUP BY trace_id
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gpa) AS gpa, access FROM faults WHERE trace_id = 'TRACE' AND observed_outcome = 'ENOSYS'",
    };
}
