namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>KVM could not emulate an instruction and gave up.</summary>
internal static class EmulationFailed
{
    public static Finding Finding { get; } = new()
    {
        Id = "emulation-failed",
        Severity = Severity.Critical,
        Title = "KVM cannot emulate an instruction: internal error",
        Meaning = "A fault led to the emulator (no memslot, or a read-only one), which does not know the instruction or cannot fetch it. KVM_RUN ends with KVM_EXIT_INTERNAL_ERROR and most VMMs stop the guest. Often the guest runs where there is no memory: the address is the hint.",
        Kernels = "x86, all.",
        Cause = "guest",
        Advice = "Look at the rip and the address of the fault before it: if the guest executes from there, a memslot is missing (or was deleted under it).",
        Certainty = "measured",
        Recognised = "kvm_emulate_insn with failed = 1, or an exit to user space with reason KVM_EXIT_INTERNAL_ERROR.",
        Needs = ["event kvm_emulate_insn|event kvm_userspace_exit"],
        Sql = """
            WITH failed AS (
                SELECT trace_id, seq, pid, rip FROM @emulations
                UNION ALL
                SELECT e.trace_id, e.seq, e.pid, NULL FROM @exits e
            ), behind AS (
                SELECT x.trace_id, x.seq, x.pid, x.rip, f.fault_id, f.gpa, f.gfn FROM failed x ASOF LEFT JOIN (FROM @faults WHERE (trace_id, pid) IN (SELECT (trace_id, pid) FROM failed)) f ON f.trace_id = x.trace_id AND f.pid = x.pid AND f.seq < x.seq
            )
            SELECT trace_id,
                format('KVM could not emulate an instruction{}{}: the vCPU ends with an internal error', coalesce(format(' at rip 0x{:x}', any_value(rip ORDER BY seq)), ''), coalesce(format(', behind the fault at gpa 0x{:x}', any_value(gpa ORDER BY seq)), '')) AS title,
                count(DISTINCT fault_id) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                format('{} failed emulation{}, {} vCPU thread{}', count(rip), if(count(rip) = 1, '', 's'), count(DISTINCT pid), if(count(DISTINCT pid) = 1, '', 's')) AS evidence
            FROM behind GROUP BY trace_id
            """,
        Rows = "FROM kvm_emulate_insn WHERE trace_id = 'TRACE' AND failed = 1",
    };
}
