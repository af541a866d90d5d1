using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Timeline.Buffers;

/// <summary>A call of ttm_bo_handle_move_mem; what is null was not recorded.</summary>
internal sealed record BoMove(long Seq, long Time, int Pid, ulong Bo, ulong? OldType, ulong NewType, ulong? Size, bool? Evict)
{
    /// <summary>The notifier windows that it opened, and the leaf SPTEs that were removed in them.</summary>
    public List<Window> Windows { get; } = [];

    public long EndSeq { get; set; }

    public long EndAt { get; set; }

    /// <summary>What it returned: 0, or a negative errno.</summary>
    public int Result { get; set; }
}

/// <summary>Blocks of the page allocator, and where TTM's buffers lie (spec 8.4).</summary>
internal sealed class BufferTracker(TimelineContext context)
{
    private readonly Dictionary<ulong, ulong> _places = [];

    /// <summary>Moves of TTM buffers that have ended since the caller last cleared the list.</summary>
    public List<BoMove> EndedMoves { get; } = [];

    public void OnPageAlloc(EventCursor e) => context.EmitHost(OperationKind.PageAlloc, e[0], e[1], e[2]);

    public void OnPageFree(EventCursor e) => context.EmitHost(OperationKind.PageFree, e[0], e[1]);

    public static void OnMove(EventCursor e, TaskState task) => task.TtmMove = new BoMove(
        e.Seq,
        e.Time,
        e.Pid,
        e[0],
        e.Knows(2) ? e[2] : null,
        e[1],
        e.Knows(3) ? e[3] : null,
        e.Knows(4) ? e[4] != 0 : null);

    public void OnMoveReturn(EventCursor e, TaskState task)
    {
        if (task.TtmMove is not { } move)
        {
            return;
        }

        task.TtmMove = null;
        (move.EndSeq, move.EndAt, move.Result) = (e.Seq, e.Time, (int)e[0]);
        EndedMoves.Add(move);
        if (move.Result == 0)
        {
            context.EmitHost(OperationKind.BoPlace, move.Bo, move.NewType);
        }
    }

    /// <summary>A leaf shows where a buffer lies: in a device's memory or in the system's.</summary>
    public void Place(ulong bo, ulong memoryType)
    {
        if (bo != 0 && (!_places.TryGetValue(bo, out ulong known) || known != memoryType))
        {
            _places[bo] = memoryType;
            context.EmitHost(OperationKind.BoPlace, bo, memoryType, c: 1);
        }
    }
}
