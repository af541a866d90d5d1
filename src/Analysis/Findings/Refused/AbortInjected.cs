namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>arm64: an external abort was injected into the guest.</summary>
internal static class AbortInjected
{
    public static Finding Finding { get; } = new()
    {
        Id = "abort-injected",
        Severity = Severity.Serious,
        Title = "arm64: the guest gets an external abort",
        Meaning = "The guest fetched instructions from where no memory is, or from device memory, or its page tables lie where no memory is. KVM injects an external abort.",
        Kernels = "arm64, all.",
        Cause = "guest",
        Advice = "Look at what the guest jumps to, and whether the memslot that it needs is there.",
        Certainty = "measured",
        Recognised = "The fault ended in an injected abort.",
        Needs = ["outcome ABORT"],
        Sql = """
            SELECT trace_id, format('{} external abort{} injected into the guest, first at gpa 0x{:x}: {}', count(*), if(count(*) > 1, 's', ''), arg_min(gpa, seq), coalesce(split_part(reason, ':', 1), 'no memory there')) AS title,
                count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq, format('{} faults with outcome ABORT', count(*)) AS evidence
            FROM @refused WHERE observed_outcome = 'ABORT' GROUP BY trace_id, reason
            """,
        Rows = "SELECT fault_id, format('0x{:x}', gpa) AS gpa, access FROM faults WHERE trace_id = 'TRACE' AND observed_outcome = 'ABORT'",
    };
}
