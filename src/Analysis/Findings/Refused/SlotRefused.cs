namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>arm64 without S2FWB: the memslot itself is refused.</summary>
internal static class SlotRefused
{
    public static Finding Finding { get; } = new()
    {
        Id = "slot-refused",
        Severity = Severity.Critical,
        Title = "A memslot over a driver's cacheable memory is refused",
        Meaning = "On arm64 from 7.x on, a memslot over cacheable PFNMAP memory is allowed only where stage 2 can force write-back (S2FWB) and needs no instruction cache maintenance (DIC). Elsewhere the memslot call fails with EINVAL. A VMM that goes on has no memory there: every access of the guest is an MMIO exit.",
        Kernels = "arm64, 7.x on CPUs without S2FWB and DIC. Earlier arm64 kernels map such memory as device or refuse single pages.",
        Doing = "kernel",
        Remedy = "A CPU with S2FWB and DIC, or memory that is not PFNMAP (copy the buffer, memfd). The VMM must look at what the memslot call returns.",
        Certainty = "measured",
        Recognised = "Faults without a memslot where the captured kernel's model finds that a memslot call for that address came back with an error, and the mapping is cacheable PFNMAP memory.",
        Needs = ["outcome EMULATE"],
        Sql = """
            SELECT trace_id,
                format('the memslot of guest page 0x{:x} was refused by KVM (cacheable PFNMAP memory on a CPU without S2FWB and DIC): {} accesses ended as MMIO', arg_min(gfn, seq), count(*)) AS title,
                count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq,
                (SELECT format('{} memslot calls returned an error', count(*)) FROM @slot_calls s WHERE s.trace_id = r.trace_id AND s.ret < 0) AS evidence
            FROM @refused r WHERE reason LIKE 'the memslot itself is refused%' GROUP BY trace_id
            """,
        Rows = "SELECT f.fault_id, format('0x{:x}', f.gpa) AS gpa, o.reason FROM faults f JOIN outcomes o USING (trace_id, fault_id) WHERE f.trace_id = 'TRACE' AND o.reason LIKE 'the memslot itself is refused%'",
    };
}
