using TraceReplay.Replay.Timeline.Windows;
using static TraceReplay.Replay.Results.ResultColumn<TraceReplay.Replay.Results.WindowRow>;

namespace TraceReplay.Replay.Results;

/// <summary>A row of <c>windows</c>; one object for all rows, filled anew.</summary>
internal sealed class WindowRow(string traceId)
{
    public string TraceId { get; } = traceId;

    public long WindowId;

    public Window Window = null!;
}

/// <summary>
/// The <c>windows</c> table: each notifier window of a VM (spec 4.1), from its kvm_unmap_hva_range, in the order in which
/// they ended. Nothing in it is a model's opinion.
/// </summary>
internal static class WindowTable
{
    // enum mmu_notifier_event, the same numbers on all kernels since 5.4.
    internal static IReadOnlyList<string> Events { get; } = ["UNMAP", "CLEAR", "PROTECTION_VMA", "PROTECTION_PAGE", "SOFT_DIRTY", "RELEASE", "MIGRATE", "EXCLUSIVE"];

    /// <param name="path">The file.</param>
    /// <param name="leavesRecorded">Whether the trace records what becomes of leaves; where it does not, none counted says nothing.</param>
    public static ResultTable<WindowRow> Open(string path, bool leavesRecorded) => new(
        path,
        Text("trace_id", row => row.TraceId),
        Number("window_id", row => row.WindowId),
        Number("start_seq", row => row.Window.UnmapSeq),
        NumberOrNull<long>("end_seq", row => row.Window.EndSeq < 0 ? null : row.Window.EndSeq),
        Number("start_ns", row => row.Window.UnmapAt),
        NumberOrNull<long>("end_ns", row => row.Window.EndSeq < 0 ? null : row.Window.EndAt),
        TextOrNull("ended_by", row => By(row.Window.EndedBy)),
        Number("vm", row => (int)row.Window.Vm.Index),
        NumberOrNull<ulong>("mn", row => row.Window.Notifier == 0 ? null : row.Window.Notifier),
        Number("pid", row => row.Window.Pid),
        Number("hva_start", row => row.Window.Start),
        Number("hva_end", row => row.Window.End),
        NumberOrNull<int>("slots", row => row.Window.Slots < 0 ? null : row.Window.Slots),
        NumberOrNull<ulong>("gfns", row => row.Window.Slots < 0 ? null : row.Window.Gfns),
        NumberOrNull<long>("zapped_leaves", row => leavesRecorded ? row.Window.Leaves : null),
        NumberOrNull<long>("zapped_pages", row => leavesRecorded ? row.Window.Pages : null),
        TextOrNull("notifier_event", row => !row.Window.EventKnown || row.Window.Event >= (ulong)Events.Count ? null : Events[(int)row.Window.Event]),
        TextOrNull("cause", row => row.Window.Cause),
        NumberOrNull("invalidate_seq", row => row.Window.InvalidateSeq));

    internal static string? By(WindowEnd end) => end switch
    {
        WindowEnd.Probe => "notifier end (probe)",
        WindowEnd.StartRefused => "start gave up (probe)",
        WindowEnd.NextEvent => "next event of the task (inferred)",
        WindowEnd.Fault => "fault of another task (inferred)",
        WindowEnd.Loss => "lost records (inferred)",
        _ => null,
    };
}
