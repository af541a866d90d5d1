namespace TraceReplay.Analysis.Findings.Refused;

/// <summary>The guest writes to a READONLY memslot.</summary>
internal static class ReadOnlySlot
{
    public static Finding Finding { get; } = new()
    {
        Id = "readonly-slot",
        Severity = Severity.Note,
        Title = "Writes to a READONLY memslot",
        Meaning = "The memslot is READONLY (ROM, flash). KVM does not map the page writable; the write is emulated and goes to the VMM as MMIO.",
        Kernels = "All.",
        Cause = "guest",
        Advice = "Nothing, unless the guest should not write there: flash needs it. Many such writes cost an exit each.",
        Certainty = "measured",
        Recognised = "A write that ended in EMULATE in a memslot with the READONLY flag.",
        Needs = ["outcome EMULATE"],
        Sql = """
            SELECT trace_id, format('{} write{} to a READONLY memslot went to the VMM as MMIO, first at gpa 0x{:x}', count(*), if(count(*) > 1, 's', ''), arg_min(gpa, seq)) AS title,
                count(*) AS faults, count(DISTINCT gfn) AS pages, min(fault_id) AS first_fault, min(seq) AS first_seq, format('{} fault{} on {} page{}', count(*), if(count(*) = 1, '', 's'), count(DISTINCT gfn), if(count(DISTINCT gfn) = 1, '', 's')) AS evidence
            FROM @refused WHERE reason = 'write to a READONLY memslot' AND observed_outcome = 'EMULATE' GROUP BY trace_id
            """,
        Rows = "SELECT f.fault_id, format('0x{:x}', f.gpa) AS gpa FROM faults f JOIN outcomes o USING (trace_id, fault_id) WHERE f.trace_id = 'TRACE' AND o.reason = 'write to a READONLY memslot'",
    };
}
