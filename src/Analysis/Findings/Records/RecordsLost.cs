namespace TraceReplay.Analysis.Findings.Records;

/// <summary>The recorder lost records.</summary>
internal static class RecordsLost
{
    public static Finding Finding { get; } = new()
    {
        Id = "records-lost",
        Severity = Severity.Warning,
        Title = "Records were lost",
        Meaning = "The ring buffer overflowed, or the capture is damaged: windows, memslots and SPTEs may have changed unseen. What the models say behind a hole is worth less, and misses there are counted apart.",
        Kernels = "All.",
        Cause = "capture",
        Advice = "A larger buffer (trace-cmd record -b, perf record -m), fewer events, or a shorter run.",
        Certainty = "measured",
        Recognised = "The capture itself says that records were lost, or ends in damage.",
        Needs = ["lost"],
        Sql = """
            SELECT trace_id, if(NOT complete, 'the capture is damaged: only what was complete before the damage is here', if(lost IS NULL, 'records were lost, how many the kernel did not say', format('{} records were lost', lost))) AS title,
                NULL::BIGINT AS faults, NULL::BIGINT AS pages, NULL::BIGINT AS first_fault, NULL::BIGINT AS first_seq, format('{} events are here; query lost_events', events) AS evidence
            FROM @traces WHERE lost IS NULL OR lost > 0 OR NOT complete
            """,
        Rows = "FROM lost_events WHERE trace_id = 'TRACE'",
    };
}
