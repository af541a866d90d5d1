namespace TraceReplay.Analysis.Findings.Storms;

/// <summary>The local APIC is reached by MMIO.</summary>
internal static class LocalApic
{
    public static Finding Finding { get; } = new()
    {
        Id = "apic-mmio",
        Severity = Severity.Note,
        Title = "The guest reaches its local APIC by MMIO",
        Meaning = "The guest uses the xAPIC page and the CPU does not virtualise it (no APICv, no AVIC, or inhibited): each EOI, timer set-up and IPI is a fault and an emulated instruction.",
        Kernels = "x86, all.",
        Cause = "guest",
        Advice = "x2APIC in the guest, or APICv/AVIC on the host (module parameters; events kvm_apicv_inhibit_changed say what holds it back).",
        Certainty = "measured",
        Recognised = "Two or more MMIO accesses or faults on the page 0xfee00000.",
        Needs = ["event kvm_mmio|kind mmio|outcome UNKNOWN"],
        Sql = """
            WITH touched AS (
                SELECT trace_id, seq, NULL::BIGINT AS fault_id FROM @mmio WHERE gpa // 4096 = 1043968 AND type IN (1, 2)
                UNION ALL
                SELECT trace_id, seq, fault_id FROM @faults WHERE gpa // 4096 = 1043968
            )
            SELECT trace_id, format('{} accesses to the local APIC page (gpa 0xfee00000) by MMIO', greatest(count(fault_id), count(*) - count(fault_id))) AS title,
                count(fault_id) AS faults, 1 AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq, format('{} kvm_mmio, {} faults', count(*) - count(fault_id), count(fault_id)) AS evidence
            FROM touched GROUP BY trace_id HAVING count(*) >= 2
            """,
        Rows = "SELECT seq, type, len, format('0x{:x}', gpa) AS gpa FROM kvm_mmio WHERE trace_id = 'TRACE' AND gpa // 4096 = 1043968",
    };
}
