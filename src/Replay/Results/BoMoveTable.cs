using TraceReplay.Replay.Timeline.Buffers;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.BoMoveRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>bo_moves</c>; one object for all rows, filled anew.</summary>
internal sealed class BoMoveRow(string traceId)
{
    public string TraceId { get; } = traceId;

    public BoMove Move = null!;
}

/// <summary>The <c>bo_moves</c> table: each recorded ttm_bo_handle_move_mem, and what it took away from guests (spec 8.4).</summary>
internal static class BoMoveTable
{
    public static ResultTable<BoMoveRow> Open(string path) => new(
        path,
        Text("trace_id", row => row.TraceId),
        Number("seq", row => row.Move.Seq),
        Number("end_seq", row => row.Move.EndSeq),
        Number("ts_ns", row => row.Move.Time),
        Number("end_ns", row => row.Move.EndAt),
        Number("pid", row => row.Move.Pid),
        Number("bo", row => row.Move.Bo),
        NumberOrNull("old_type", row => row.Move.OldType),
        Number("new_type", row => row.Move.NewType),
        NumberOrNull("size", row => row.Move.Size),
        NumberOrNull("evict", row => row.Move.Evict),
        Number("result", row => row.Move.Result),
        Number("windows", row => row.Move.Windows.Count),
        Number("zapped_pages", row => row.Move.Windows.Sum(window => window.Pages)));
}
