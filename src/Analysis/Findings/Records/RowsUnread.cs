namespace TraceReplay.Analysis.Findings.Records;

/// <summary>Records in a form that is not known.</summary>
internal static class RowsUnread
{
    public static Finding Finding { get; } = new()
    {
        Id = "rows-unread",
        Severity = Severity.Warning,
        Title = "Records could not be read",
        Meaning = "A text has an event in a form that no known kernel prints, or it was damaged on its way (wrapped, quoted, cut). Its rows have no values, and faults among them have no row.",
        Kernels = "Texts.",
        Cause = "capture",
        Advice = "Send trace.dat or perf.data instead of text; name the kernel with --kernel.",
        Certainty = "measured",
        Recognised = "A warning of the reader that rows of an event are in no known form.",
        Needs = ["unread"],
        Sql = """
            SELECT trace_id, warning AS title, NULL::BIGINT AS faults, NULL::BIGINT AS pages, NULL::BIGINT AS first_fault, NULL::BIGINT AS first_seq, 'the column warnings of the view traces has them' AS evidence
            FROM (SELECT trace_id, unnest(warnings) AS warning FROM @traces) WHERE warning LIKE '%are in no known form%'
            """,
        Rows = "SELECT unnest(warnings) FROM traces WHERE trace_id = 'TRACE'",
    };
}
