using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline.Windows;

/// <summary>
/// Notifier windows (spec 4.1, 15.2). No record marks where one begins or ends exactly. It begins between kvm_unmap_hva_range and its
/// first zap or the return of the notifier's start; mmu_invalidate_in_progress, recorded at another's end, says whether it has by then.
/// It ends at the record of kvm_mmu_invalidate_end, which is written with mmu_lock held, else between its task's last record inside
/// and the first that cannot be inside.
/// </summary>
internal sealed class WindowTracker(TimelineContext context, VmTracker vms)
{
    // mmu_notifier_event: the pages stay where they are, only what may be done with them changes.
    private const ulong Unmap = 0;
    private const ulong ProtectionVma = 2;
    private const ulong ProtectionPage = 3;

    // Notifiers nest a few deep, and few tasks invalidate at once; more means that ends are not recorded.
    private const int MaxNested = 64;
    private const int MaxOpen = 64;

    private readonly List<(TaskState Task, Window Window)> _open = [];
    private readonly List<Window> _opening = [];
    private long _next;

    /// <summary>Windows that have not ended, with their tasks, oldest first.</summary>
    public List<(TaskState Task, Window Window)> InProgress => _open;

    /// <summary>Windows that have ended since the caller last cleared the list.</summary>
    public List<Window> Ended { get; } = [];

    /// <summary>Takes for each window, by the seq of its kvm_unmap_hva_range, how many fault events came before its end; null = not asked.</summary>
    public Dictionary<long, long>? EndsAmongFaults { get; init; }

    /// <summary>Fault events so far, for <see cref="EndsAmongFaults"/>.</summary>
    public long FaultEvents { get; set; }

    /// <summary>A window has begun: what was known of its range no longer holds.</summary>
    public Action<Window>? Began { get; set; }

    /// <summary>Place of the earliest snapshot of a fault that is still open.</summary>
    public Func<long>? OldestSnapshot { get; set; }

    /// <summary>A window opens in the middle of this task's system call.</summary>
    public Action<TaskState, Window>? Opened { get; set; }

    public void OnNotifierStart(EventCursor e, TaskState task)
    {
        task.PendingNotifier = e[0];
        task.PendingNotifierEvent = e[3];
        task.PendingEventKnown = e.Knows(3);
        if (!context.Kinds.Contains(EventKind.UnmapHvaRange) && e.Knows(1) && e.Knows(2))
        {
            // x86 before 5.13 has no such event (K12): the probe is all there is of the window.
            Open(e, task, e[1], e[2]);
        }
    }

    public void OnUnmapHvaRange(EventCursor e, TaskState task) => Open(e, task, e[0], e[1]);

    private void Open(EventCursor e, TaskState task, ulong start, ulong end)
    {
        VmTrack vm = vms.OfNotifier(task, task.PendingNotifier, start, end);
        vm.WindowsSeen++;
        (int slots, ulong gfns) = SlotsIn(vm, start, end);
        Window window = new()
        {
            Id = _next++,
            Pid = e.Pid,
            Cause = CauseOf(task),
            Slots = slots > 0 || context.Kinds.Contains(EventKind.SetRegion) ? slots : -1,
            Gfns = gfns,
            UnmapAt = e.Time,
            Vm = vm,
            Notifier = task.PendingNotifier,
            Start = start,
            End = end,
            Event = task.PendingNotifierEvent,
            EventKnown = task.PendingNotifier != 0 && task.PendingEventKnown,
            Cpu = e.Cpu,
            UnmapSeq = e.Seq,
            LastInside = context.Place,
        };
        task.PendingNotifier = 0;
        task.PendingNotifierEvent = 0;
        if (task.Windows.Count >= MaxNested)
        {
            Leave(task, task.Windows[0], WindowEnd.NextEvent);
        }

        if (_open.Count >= MaxOpen)
        {
            Leave(_open[0].Task, _open[0].Window, WindowEnd.NextEvent);
        }

        if (task.TtmMove is { Windows.Count: < MaxNested } move)
        {
            move.Windows.Add(window);
        }

        Opened?.Invoke(task, window);
        task.Windows.Add(window);
        _open.Add((task, window));
        _opening.Add(window);
        Operation opening = context.Make(OperationKind.WindowOpening, vm, window.Start, window.End, window.Event);
        opening.FaultId = window.Id;
        opening.Before = long.MaxValue;
        opening.Open = task.HandledFault;
        opening.D = (ulong)(OldestSnapshot?.Invoke() ?? 0);
        window.Opening = context.Queue.Hold(in opening);
        if (!IsEndRecorded(window))
        {
            // Nothing records its end: it may come at once.
            MayEnd(window);
        }
    }

    public void OnInvalidateBegin(TaskState task)
    {
        if (task.Windows is [.., { Begun: false } window])
        {
            // The probe stands inside mmu_lock: it is the begin.
            Narrow(window, context.Place);
            Begin(window);
        }
    }

    public void OnNotifierStartReturn(EventCursor e, TaskState task)
    {
        if (task.Windows is not [.., { } window])
        {
            return;
        }

        if ((int)e[0] != 0)
        {
            // A start that may not block gave up: the kernel ends the window on its behalf.
            task.Windows.Remove(window);
            End(window, WindowEnd.StartRefused, window.LastInside, context.Place);
            return;
        }

        Begin(window);
        Inside(window);
    }

    /// <summary>The task zapped a leaf inside its window.</summary>
    public void OnZap(Window window)
    {
        Begin(window);
        Inside(window);
    }

    public void OnNotifierEnd(EventCursor e, TaskState task)
    {
        ulong notifier = e[0];
        ulong start = e[1];
        ulong end = e[2];
        int index = e.Knows(1) && e.Knows(2)
            ? task.Windows.FindLastIndex(w => w.Start == start && w.End == end && (w.Notifier == notifier || w.Notifier == 0 || !e.Knows(0)))
            : task.Windows.Count - 1;
        if (index < 0)
        {
            context.Records.EndWithoutStart(vms.Of(task));
            return;
        }

        Window window = task.Windows[index];
        task.Windows.RemoveAt(index);
        context.Counts.WindowsClosedByProbe++;
        context.Records.WindowEnds(window);
        context.Records.WindowClosed(window, byItsEnd: true);
        (window.EndSeq, window.EndAt) = (e.Seq, e.Time);
        Begin(window);
        window.LastInside = context.Place;

        // Over no memslot there is nothing to count down: it is over with this record (K9).
        if (context.Kinds.Contains(EventKind.InvalidateEnd) && window.Slots == 0)
        {
            End(window, WindowEnd.Probe, context.Place, context.Place);
        }
        else
        {
            if (!context.Kinds.Contains(EventKind.InvalidateEnd))
            {
                MayEnd(window);
            }

            task.Ending = window;
        }
    }

    public void OnInvalidateEnd(EventCursor e, TaskState task)
    {
        if ((task.Ending ?? InnermostCounted(task)) is not { } window)
        {
            return;
        }

        if (task.Ending is null)
        {
            // The notifier's own end is not recorded: this one, inside it, ends the innermost.
            task.Windows.Remove(window);
            context.Counts.WindowsClosedByProbe++;
            context.Records.WindowEnds(window);
            context.Records.WindowClosed(window, byItsEnd: true);
            Begin(window);
            window.LastInside = context.Place;
        }

        task.Ending = null;
        if (e.Knows(0))
        {
            vms.SeeInvalidate(e[0], window.Notifier);
        }

        if (e.Knows(1) && e.Knows(2))
        {
            CheckCounts(window, e[1], (long)e[2]);
            CountBegun(window, e[2]);
        }

        // Written with mmu_lock held: other records made under it lie before or after it, as they stand.
        End(window, WindowEnd.Probe, context.Place, context.Place, e.Knows(1) ? e[1] + 1 : 0, e[2]);
    }

    /// <summary>The task went on behind its notifier's end: the window is over.</summary>
    public void EndLeft(TaskState task)
    {
        Window window = task.Ending!;
        task.Ending = null;
        End(window, WindowEnd.Probe, window.LastInside, context.Place);
    }

    /// <summary>
    /// A task that goes on with other work has left the notifier: the end was not probed, or its record was lost. Without a
    /// probe any event but a zap or what the page allocator does says so, with one only those that cannot happen inside a window (spec 15.2, policy b).
    /// </summary>
    public void CloseLeft(EventKind kind, TaskState task)
    {
        bool left = IsEndRecorded(task.Windows[0])
            ? kind is EventKind.PageFault or EventKind.GuestFault or EventKind.GuestAbort or EventKind.Entry or EventKind.Exit or EventKind.UserspaceExit or EventKind.SysEnterMmap or EventKind.SysEnterMunmap
                or EventKind.SysEnterMprotect or EventKind.SyscallEdge or EventKind.SysEnterFtruncate or EventKind.SetRegion
            : kind is not (EventKind.SpteChanged or EventKind.AgeHva or EventKind.PageAlloc or EventKind.PageFree or EventKind.InvalidateBegin or EventKind.NotifierStartRet or EventKind.InvalidateEnd
                or EventKind.S2Unmap or EventKind.S2WriteProtect or EventKind.SetSpteHva or EventKind.ChangePte or EventKind.S2Map or EventKind.S2MapRet);
        if (!left)
        {
            return;
        }

        while (task.Windows is [var window, ..])
        {
            Leave(task, window, WindowEnd.NextEvent);
        }
    }

    /// <summary>Windows last far shorter than a loss: the end of one that is open where records were lost was among them.</summary>
    public void CloseAtLoss(int cpu)
    {
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            (TaskState task, Window window) = _open[i];
            if (window.Cpu == cpu || cpu < 0 || window.Cpu < 0)
            {
                context.Counts.WindowsClosedByLoss++;
                Drop(task, window, WindowEnd.Loss);
            }
        }
    }

    /// <summary>
    /// A fault of another task that began after the window's last record got a page in its range: KVM refuses that while the window is open
    /// (spec 4.1), so it had ended.
    /// </summary>
    public void CloseOutlivedBy(int pid, long begun, ulong hva)
    {
        if (IsAnyEndRecorded)
        {
            return;
        }

        for (int i = _open.Count - 1; i >= 0; i--)
        {
            (TaskState task, Window window) = _open[i];
            if (task.Pid != pid && window.LastInside <= begun && window.Start < hva + 4096 && hva < window.End)
            {
                context.Counts.WindowsClosedByFault++;
                Drop(task, window, WindowEnd.Fault);
            }
        }
    }

    /// <summary>The VM is gone, and its notifier with it.</summary>
    public void CloseAll(VmTrack vm)
    {
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            if (_open[i].Window.Vm == vm)
            {
                Drop(_open[i].Task, _open[i].Window, WindowEnd.NextEvent);
            }
        }
    }

    /// <summary>The capture is over.</summary>
    public void Complete() => Ended.AddRange(_open.Select(open => open.Window));

    /// <summary>Memslots that [start, end) touches, and their gfns in it.</summary>
    private static (int Slots, ulong Gfns) SlotsIn(VmTrack vm, ulong start, ulong end)
    {
        int slots = 0;
        ulong gfns = 0;
        foreach (Memslots set in vm.Slots)
        {
            foreach (Memslot slot in set.OverlappingHva(start, end))
            {
                slots++;
                gfns += ((Math.Min(slot.EndHva, end) + 4095) >> 12) - (Math.Max(slot.UserspaceAddr, start) >> 12);
            }
        }

        return (slots, gfns);
    }

    /// <summary>The innermost recorded thing that the task is doing. A fault is named only while it looks its page up.</summary>
    private static string? CauseOf(TaskState task) =>
        task.TtmMove is not null ? "ttm_bo_handle_move_mem"
        : task.HandledFault >= 0 ? task.Abort is null ? "kvm_page_fault" : "kvm_guest_fault"
        : task.Syscall;

    /// <summary>From here on it is certain that the window has begun.</summary>
    private void Begin(Window window)
    {
        if (window.Begun)
        {
            return;
        }

        window.Begun = true;
        window.BegunSeq = context.Seq;
        window.BegunAt = context.Time;
        _opening.Remove(window);
        if (context.Queue.Has(window.Opening))
        {
            ref Operation opening = ref context.Queue[window.Opening];
            opening.Before = Math.Min(opening.Before, context.Place);
        }

        context.Queue.Release(window.Opening);
        Began?.Invoke(window);
        Operation begin = context.Make(OperationKind.WindowBegin, window.Vm, window.Start, window.End, window.Event);
        begin.FaultId = window.Id;
        context.Queue.Add(in begin);
    }

    private void Narrow(Window window, long after)
    {
        if (context.Queue.Has(window.Opening))
        {
            context.Queue[window.Opening].After = after;
        }
    }

    /// <summary>Another record of the task inside of the window.</summary>
    private void Inside(Window window)
    {
        window.LastInside = context.Place;
        if (!IsEndRecorded(window))
        {
            MayEnd(window);
        }
    }

    private bool IsAnyEndRecorded => context.Kinds.Contains(EventKind.NotifierEnd) || context.Kinds.Contains(EventKind.InvalidateEnd);

    /// <summary>kvm_mmu_invalidate_end is called only for a window that touches a memslot.</summary>
    private bool IsEndRecorded(Window window) => context.Kinds.Contains(EventKind.NotifierEnd) || (context.Kinds.Contains(EventKind.InvalidateEnd) && window.Slots != 0);

    private Window? InnermostCounted(TaskState task) => context.Kinds.Contains(EventKind.NotifierEnd) ? null : task.Windows.FindLast(window => window.Slots != 0);

    /// <summary>From here on the window may have ended.</summary>
    private void MayEnd(Window window)
    {
        if (window.EndingOperation >= 0 && context.Queue.Has(window.EndingOperation))
        {
            context.Queue[window.EndingOperation].After = context.Place;
            return;
        }

        Operation ending = context.Make(OperationKind.WindowEnding, window.Vm, window.Start, window.End);
        ending.FaultId = window.Id;
        window.EndingOperation = context.Queue.Add(in ending);
    }

    /// <summary>
    /// in_progress was read with mmu_lock held for writing: if it counts no more windows than have certainly begun, those whose begin is
    /// still open begin after it; if it counts them all, they have begun.
    /// </summary>
    private void CountBegun(Window ending, ulong inProgress)
    {
        if (_opening.Count == 0)
        {
            return;
        }

        ulong begun = 0;
        ulong mayBe = 0;
        foreach ((TaskState task, Window window) in _open)
        {
            if (window.Vm == ending.Vm && window.Slots != 0)
            {
                begun += window.Begun ? 1UL : 0;
                mayBe += window.Begun ? 0UL : 1;
            }
        }

        for (int i = _opening.Count - 1; i >= 0; i--)
        {
            Window window = _opening[i];
            if (window.Vm != ending.Vm || window.Slots == 0)
            {
                continue;
            }

            if (inProgress == begun)
            {
                Narrow(window, context.Place);
            }
            else if (inProgress == begun + mayBe)
            {
                Begin(window);
            }
        }
    }

    private void CheckCounts(Window ending, ulong seq, long inProgress)
    {
        int most = 1;
        int fewest = 1;
        foreach ((TaskState task, Window window) in _open)
        {
            if (window.Vm == ending.Vm && window != ending)
            {
                // Past its own end's entry it may have left the count already; one over no memslot was never in it.
                most++;
                fewest += window.Begun && task.Ending != window && SlotsIn(window.Vm, window.Start, window.End).Slots > 0 ? 1 : 0;
            }
        }

        context.Records.Counts(ending.Vm, seq, inProgress, fewest, most);
    }

    private void Leave(TaskState task, Window window, WindowEnd by)
    {
        context.Counts.WindowsClosedByNextEvent++;
        context.Records.WindowClosed(window, byItsEnd: false);
        Drop(task, window, by);
    }

    private void Drop(TaskState task, Window window, WindowEnd by)
    {
        task.Windows.Remove(window);
        task.Ending = task.Ending == window ? null : task.Ending;
        End(window, by, window.LastInside, context.Place);
    }

    private void End(Window window, WindowEnd by, long after, long before, ulong seqPlusOne = 0, ulong inProgress = 0)
    {
        Begin(window);
        window.EndedBy = by;
        window.InvalidateSeq = seqPlusOne == 0 ? null : seqPlusOne;
        if (window.EndSeq < 0 || seqPlusOne != 0)
        {
            (window.EndSeq, window.EndAt) = (context.Seq, context.Time);
        }

        Ended.Add(window);
        int index = _open.FindIndex(open => open.Window == window);
        if (index >= 0)
        {
            _open.RemoveAt(index);
        }

        EndsAmongFaults?.TryAdd(window.UnmapSeq, FaultEvents);
        Operation end = context.Make(OperationKind.WindowEnd, window.Vm, window.Start, window.End, seqPlusOne, inProgress);
        end.FaultId = window.Id;
        end.After = after;
        end.Before = Math.Max(after, before);
        context.Queue.Add(in end);
    }

    /// <summary>The mapping itself goes: munmap, or what mremap and mmap do to what was there.</summary>
    public static bool EndsMapping(Window window) => window.EventKnown && window.Event == Unmap;

    /// <summary>Whether the pages themselves may have changed, not only what may be done with them.</summary>
    public static bool MovesPages(Window window) => window.Event is not (ProtectionVma or ProtectionPage);
}
