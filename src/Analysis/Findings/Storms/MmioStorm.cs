namespace TraceReplay.Analysis.Findings.Storms;

/// <summary>Many MMIO accesses to one page.</summary>
internal static class MmioStorm
{
    public static Finding Finding { get; } = new()
    {
        Id = "mmio-storm",
        Severity = Severity.Warning,
        Title = "One page takes many MMIO exits",
        Meaning = "The guest reads or writes an emulated device page very often: VGA memory without a memslot, a timer, an interrupt controller. Each access is an exit, most go to the VMM.",
        Kernels = "All.",
        Cause = "guest",
        Advice = "A paravirtual device, or an ioeventfd, for what the address belongs to (the first pages: query by address below).",
        Certainty = "measured",
        Recognised = "At least 500 kvm_mmio on one page of 4 KiB.",
        Needs = ["500 kvm_mmio"],
        Sql = """
            WITH pages AS (
                SELECT trace_id, gpa // 4096 AS page, count(*) AS accesses, count(*) FILTER (type = 2) AS writes, min(seq) AS first_seq FROM @mmio WHERE type IN (1, 2) GROUP BY ALL
            ), storms AS (
                SELECT *, CASE WHEN page = 1043968 THEN ' (local APIC)' WHEN page = 1043456 THEN ' (I/O APIC)' WHEN page = 1043712 THEN ' (HPET)' WHEN page BETWEEN 160 AND 191 THEN ' (VGA memory)' ELSE '' END AS what FROM pages WHERE accesses >= 500
            )
            SELECT trace_id, format('{} MMIO accesses to gpa 0x{:x}000{}{}', max(accesses), arg_max(page, accesses), arg_max(what, accesses), if(count(*) > 1, format(', and {} to {} page{} more', (sum(accesses) - max(accesses))::BIGINT, count(*) - 1, if(count(*) > 2, 's', '')), '')) AS title,
                NULL::BIGINT AS faults, count(*) AS pages, NULL::BIGINT AS first_fault, min(first_seq) AS first_seq, format('{} writes, {} reads', sum(writes)::BIGINT, (sum(accesses) - sum(writes))::BIGINT) AS evidence
            FROM storms GROUP BY trace_id
            """,
        Rows = "SELECT format('0x{:x}000', gpa // 4096) AS page, count(*) FROM kvm_mmio WHERE trace_id = 'TRACE' GROUP BY ALL ORDER BY 2 DESC",
    };
}
