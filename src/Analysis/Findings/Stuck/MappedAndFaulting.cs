namespace TraceReplay.Analysis.Findings.Stuck;

/// <summary>A fault on a page that is mapped, again and again.</summary>
internal static class MappedAndFaulting
{
    public static Finding Finding { get; } = new()
    {
        Id = "mapped-and-faulting",
        Severity = Severity.Critical,
        Title = "The page is mapped, and the guest faults on it again and again",
        Meaning = "The SPTE that the fault needs is there, or is set each time, and the vCPU faults again on the same page and access. Either the CPU uses an old translation (a TLB entry or a cached walk that was not flushed), the permissions that KVM thinks right are not what the hardware checks, or somebody takes the SPTE away each time.",
        Kernels = "All.",
        Doing = "kernel",
        Remedy = "Record kvmmmu:kvm_tdp_mmu_spte_changed and the notifier probes: they show whether somebody takes the SPTE away. If nobody does, the TLB or the SPTE's bits are wrong: compare old and new SPTE with what the access needs.",
        Certainty = "measured",
        Recognised = "Three or more faults of one vCPU on one page and access with no other fault between, of which at least two set the SPTE (ten, if each did) or found it as it should be.",
        Needs = ["repeats"],
        Sql = """
            WITH runs AS (
                SELECT * FROM @runs WHERE times >= 3 AND ((unchanged >= 2 AND unchanged + spte_set >= times - 1) OR (times >= 10 AND spte_set = times))
            ), worst AS (
                SELECT trace_id, count(*) AS runs, sum(times)::BIGINT AS faults, count(DISTINCT gfn) AS pages, min(first_fault) AS first_fault, min(first_seq) AS first_seq, arg_max(runs, times) AS w
                FROM runs GROUP BY trace_id
            )
            SELECT trace_id,
                format('{} faults on guest page 0x{:x} ({}) {} times in a row{}: an SPTE is set, and the guest faults again', if(w.vcpu IS NULL, format('thread {}', w.pid), format('vCPU {}', w.vcpu)), w.gfn, CASE w.access WHEN 'w' THEN 'write' WHEN 'x' THEN 'fetch' ELSE 'read' END, w.times, if(w.at_end, ', up to the end of the capture', '')) AS title,
                faults, pages, first_fault, first_seq,
                format('{} times an SPTE was set, {} times it was found as it should be, of {} faults{}', w.spte_set, w.unchanged, w.times, if(runs > 1, format('; {} other runs likewise', runs - 1), '')) AS evidence
            FROM worst
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gfn) AS gfn, access, observed_outcome FROM faults WHERE trace_id = 'TRACE' ORDER BY pid, seq",
    };
}
