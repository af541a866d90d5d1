namespace TraceReplay.Analysis.Findings.Storms;

/// <summary>Windows that hit no memslot.</summary>
internal static class WindowsForNothing
{
    public static Finding Finding { get; } = new()
    {
        Id = "windows-for-nothing",
        Severity = Severity.Note,
        Title = "MMU notifier invalidations of memory that is no guest's",
        Meaning = "The VMM unmaps, protects or discards memory of its own (heap, stacks, caches) all the time. Each such call runs through KVM's notifier, which finds no memslot there.",
        Kernels = "All.",
        Cause = "vmm",
        Advice = "Mostly harmless: no retry, no zap. If it costs, keep the VMM's allocator from giving memory back (malloc trim, arenas).",
        Certainty = "measured",
        Recognised = "At least 1,000 windows that hit no memslot, and more than half of all.",
        Needs = ["useless windows"],
        Sql = """
            SELECT trace_id, format('{} of {} MMU notifier invalidations hit no memslot: memory of the VMM itself', count(*) FILTER (slots = 0), count(*)) AS title,
                NULL::BIGINT AS faults, NULL::BIGINT AS pages, NULL::BIGINT AS first_fault, min(start_seq) AS first_seq, 'query windows_without_memslot names the callers' AS evidence
            FROM @windows GROUP BY trace_id HAVING count(*) FILTER (slots = 0) >= 1000 AND count(*) FILTER (slots = 0) * 2 > count(*)
            """,
        Rows = "SELECT cause, notifier_event, count(*) FROM windows WHERE trace_id = 'TRACE' AND slots = 0 GROUP BY ALL",
    };
}
