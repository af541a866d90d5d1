using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Report.Around;

/// <summary>The recorded events around one fault, as rows.</summary>
public static class FaultContext
{
    /// <summary>Events of one kind that are shown at most.</summary>
    private const int MostOfOneKind = 200;

    private static readonly Column[] s_columns =
    [
        new("seq", "BIGINT"), new("since_fault", "BIGINT"), new("cpu", "INTEGER"), new("task", "VARCHAR"), new("event", "VARCHAR"), new("role", "VARCHAR"), new("fields", "VARCHAR"),
    ];

    /// <summary>Reads from some records before the fault to some behind its end, of all tasks. Times are since the fault, in the clock's units.</summary>
    /// <param name="session">The dataset.</param>
    /// <param name="traceId">The trace.</param>
    /// <param name="faultId">The fault.</param>
    /// <param name="records">How many records before it and behind its end.</param>
    /// <exception cref="AnalysisException">There is no such fault, or the dataset cannot be read.</exception>
    public static RowSet Read(DatasetSession session, string traceId, long faultId, int records)
    {
        Example fault = Find(session, traceId, faultId);
        Dictionary<string, string> functions = session.Select(
            "SELECT event, any_value(function) FROM probe_sites WHERE trace_id = $id AND function IS NOT NULL GROUP BY event",
            r => (Event: r.GetString(0), Function: r.GetString(1)),
            ("id", traceId)).ToDictionary(p => p.Event, p => p.Function);
        IReadOnlyList<RecordedEvent> events = EventsAround.Read(session, traceId, [(Math.Max(0, fault.Seq - records), fault.EndSeq + records)], MostOfOneKind);
        return new RowSet(s_columns, [.. events.Select(e => new object?[]
        {
            e.Seq, e.Ts - fault.Ts, e.Cpu, e.Task, e.Name, Role(fault.Role(e, functions.GetValueOrDefault(e.Name)), e.Seq == fault.Seq), e.Fields,
        })]);
    }

    /// <summary>First and last record of a fault.</summary>
    /// <exception cref="AnalysisException">There is no such fault, or the dataset cannot be read.</exception>
    internal static (long First, long Last) Place(DatasetSession session, string traceId, long faultId)
    {
        Example fault = Find(session, traceId, faultId);
        return (fault.Seq, fault.EndSeq);
    }

    private static Example Find(DatasetSession session, string traceId, long faultId)
    {
        List<Example> faults = session.Select(
            "SELECT fault_id, seq, coalesce(end_seq, seq), ts_ns, pid FROM faults WHERE trace_id = $id AND fault_id = $fault",
            r => new Example
            {
                FaultId = r.GetInt64(0),
                Faults = 1,
                Cause = null,
                Seq = r.GetInt64(1),
                EndSeq = r.GetInt64(2),
                Ts = r.IsDBNull(3) ? 0 : r.GetInt64(3),
                Latency = null,
                Pid = r.IsDBNull(4) ? null : r.GetInt32(4),
                Says = "",
            },
            ("id", traceId),
            ("fault", faultId));
        if (faults.Count == 0)
        {
            List<(long First, long Last)> there = session.Select("SELECT min(fault_id), max(fault_id) FROM faults WHERE trace_id = $id HAVING count(*) > 0", r => (r.GetInt64(0), r.GetInt64(1)), ("id", traceId));
            throw new AnalysisException(AnalysisFailure.Usage, there is [var ids] ? $"{traceId} has no fault {faultId}, expected {ids.First} to {ids.Last}" : $"{traceId} has no faults: not replayed yet, or none recorded");
        }

        return faults[0];
    }

    private static string Role(EventRole role, bool isFault) => isFault ? "the fault" : role switch
    {
        EventRole.Step => "its step",
        EventRole.Leaf => "leaf",
        EventRole.Invalidation => "invalidation",
        _ => "",
    };
}
