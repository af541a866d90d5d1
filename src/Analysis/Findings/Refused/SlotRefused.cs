namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>arm64 without S2FWB: the memslot itself is refused.</summary>
internal static class SlotRefused
{
    public static Finding Finding { get; } = new()
    {
        Id = "slot-refused",
        Severity = Severity.Critical,
        Title = "arm64: a memslot over a driver's cacheable memory is refused",
        Meaning = "On arm64 from 6.17 on, a memslot over cacheable PFNMAP memory is allowed only where stage 2 can force write-back (S2FWB) and needs no instruction cache maintenance (DIC). Elsewhere the memslot call fails with EINVAL. A VMM that goes on has no memory there: every access of the guest is an MMIO exit.",
        Kernels = "arm64 from 6.17 on, on CPUs without S2FWB and DIC. Earlier arm64 kernels refuse single pages of such a buffer, or map them as device memory.",
        Cause = "kernel",
        Advice = "A CPU with S2FWB and DIC, or memory that is not PFNMAP (copy the buffer, memfd). The VMM must look at what the memslot call returns.",
        Certainty = "inferred",
        Recognised = "arm64: a call that makes a memslot returned EINVAL, and the VMA behind it is VM_PFNMAP by the driver's or the maps file's record (certainty inferred), or not known (assumed).",
        Needs = ["event set_region_ret"],
        Sql = """
            WITH failed AS (
                SELECT s.trace_id, s.seq, s.slot & 65535 AS slot, s.gpa, s.size, bool_or(v.flags & 1024 <> 0 OR v.ttm) AS pfnmap, any_value(v.name) AS name
                FROM @slot_calls s JOIN @traces a ON a.trace_id = s.trace_id AND a.arch IN ('aarch64', 'arm64')
                LEFT JOIN @vmas v ON v.trace_id = s.trace_id AND s.hva >= v.vma_start AND s.hva < v.vma_end
                WHERE s.ret = -22 AND s.size > 0
                GROUP BY ALL
            ), met AS (
                SELECT c.trace_id, c.seq, f.fault_id, f.gfn, f.seq AS fault_seq
                FROM failed c JOIN @faults f ON f.trace_id = c.trace_id AND f.seq > c.seq AND f.gpa >= c.gpa AND f.gpa < c.gpa + c.size
                WHERE f.observed_outcome IN ('EMULATE', 'ENOSYS', 'ABORT')
            ), calls AS (
                SELECT c.*, count(m.fault_id) AS faults, count(DISTINCT m.gfn) AS pages, min(m.fault_id) AS first_fault FROM failed c LEFT JOIN met m USING (trace_id, seq) GROUP BY ALL
            )
            SELECT trace_id,
                format('memslot {} at gpa 0x{:x} ({}) refused with EINVAL{}{}. {}', arg_min(slot, seq), arg_min(gpa, seq),
                    CASE WHEN arg_min(size, seq) % 1048576 = 0 THEN format('{} MiB', arg_min(size, seq) // 1048576) ELSE format('{} KiB', arg_min(size, seq) // 1024) END,
                    if(count(*) > 1, format(', and {} more', count(*) - 1), ''), if(bool_or(coalesce(pfnmap, false)), format(': cacheable PFNMAP memory{} on a CPU without S2FWB and DIC', coalesce(' of ' || arg_min(name, seq), '')), ', as cacheable PFNMAP memory is on a CPU without S2FWB and DIC'),
                    if(sum(faults) = 0, 'No access of the guest is recorded', format('{} accesses of the guest ended as MMIO', sum(faults)::BIGINT))) AS title,
                sum(faults)::BIGINT AS faults, sum(pages)::BIGINT AS pages, min(first_fault) AS first_fault, min(seq) AS first_seq,
                format('{} memslot call{} returned EINVAL; {}', count(*), if(count(*) = 1, '', 's'), if(bool_or(coalesce(pfnmap, false)), 'the VMA is VM_PFNMAP', 'that the VMA is VM_PFNMAP is assumed')) AS evidence,
                if(bool_or(coalesce(pfnmap, false)), NULL, 'assumed') AS certainty
            FROM calls GROUP BY trace_id
            """,
        Rows = "SELECT r.seq, r.slot & 65535 AS slot, format('0x{:x}', r.gpa) AS gpa, r.size, e.ret FROM set_region r ASOF JOIN set_region_ret e ON e.trace_id = r.trace_id AND e.pid = r.pid AND e.seq >= r.seq WHERE r.trace_id = 'TRACE'",
    };
}
