namespace TraceReplay.Analysis.Findings.Stuck;

/// <summary>A fault on a page that is mapped, again and again.</summary>
internal static class MappedAndFaulting
{
    public static Finding Finding { get; } = new()
    {
        Id = "mapped-and-faulting",
        Severity = Severity.Critical,
        Title = "The vCPU faults again and again on a page whose SPTE is there",
        Meaning = "The SPTE that the fault needs is there, or is set each time, and the vCPU faults again on the same page and access. Either the CPU uses an old translation (a TLB entry or a cached walk that was not flushed), the permissions that KVM thinks right are not what the hardware checks, or somebody takes the SPTE away each time unseen.",
        Kernels = "All.",
        Cause = "kernel",
        Advice = "Record kvmmmu:kvm_tdp_mmu_spte_changed and the notifier probes: they show whether somebody takes the SPTE away. If nobody does, the TLB or the SPTE's bits are wrong: compare old and new SPTE with what the access needs.",
        Certainty = "measured",
        Recognised = "Three or more faults of one vCPU on one page and access with no other fault between, of which at least two found the SPTE as it should be (or ten, if each set it), and too few notifier windows among them to explain it.",
        Needs = ["repeats"],
        Sql = $$"""
            WITH runs AS (
                SELECT * FROM @runs WHERE times >= 3 * (amid + 1) AND ((unchanged >= 2 AND unchanged + spte_set >= times - 1) OR (times >= 10 AND spte_set = times))
            ), worst AS (
                SELECT trace_id, count(*) AS runs, sum(times)::BIGINT AS faults, count(DISTINCT gfn) AS pages, min(first_fault) AS first_fault, min(first_seq) AS first_seq, arg_max(runs, times) AS w
                FROM runs GROUP BY trace_id
            )
            SELECT trace_id,
                {{Steps.WhoFaults}} || if(w.spte_set = 0, ', though the SPTE is there and permits it', ', though an SPTE is set each time') AS title,
                faults, pages, first_fault, first_seq,
                format('{} times an SPTE was set, {} times it was found as it should be, of {} faults{}', w.spte_set, w.unchanged, w.times, if(runs > 1, format('; {} other {} likewise', runs - 1, if(runs = 2, 'run', 'runs')), '')) AS evidence
            FROM worst
            """,
        Rows = "SELECT fault_id, vcpu, format('0x{:x}', gfn) AS gfn, access, observed_outcome FROM faults WHERE trace_id = 'TRACE' ORDER BY pid, seq",
    };
}
