using System.Runtime.InteropServices;
using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Timeline;

/// <content>Notifier windows (spec 15.2).</content>
internal sealed partial class TimelineBuilder
{
    // mmu_notifier_event: the pages stay where they are, only what may be done with them changes.
    private const ulong ProtectionVma = 2;
    private const ulong ProtectionPage = 3;

    // Notifiers nest a few deep; more means that ends are not recorded.
    private const int MaxNestedWindows = 64;

    private static void OnNotifierStart(EventCursor e, ThreadState thread)
    {
        thread.PendingNotifier = e[0];
        thread.PendingNotifierEvent = e[3];
        thread.PendingEventKnown = e.Knows(3);
    }

    private void OnUnmapHvaRange(EventCursor e, ThreadState thread)
    {
        VmTrack vm = VmOfNotifier(thread, e[0], e[1]);
        (int slots, ulong gfns) = SlotsIn(vm, e[0], e[1]);
        Window window = new()
        {
            Pid = e.Pid,
            Cause = CauseOf(thread),
            Slots = slots > 0 || _kinds.Contains(EventKind.SetRegion) ? slots : -1,
            Gfns = gfns,
            UnmapAt = e.Time,
            Vm = vm,
            Notifier = thread.PendingNotifier,
            Start = e[0],
            End = e[1],
            Event = thread.PendingNotifierEvent,
            EventKnown = thread.PendingNotifier != 0 && thread.PendingEventKnown,
            Cpu = e.Cpu,
            UnmapSeq = e.Seq,
            BeginsAfter = _begins.AfterSeq(e.Seq),
        };
        thread.PendingNotifier = 0;
        thread.PendingNotifierEvent = 0;
        if (thread.Windows.Count >= MaxNestedWindows)
        {
            Counts.WindowsClosedByNextEvent++;
            Records.WindowClosed(thread.Windows[0], byItsEnd: false);
            EndWindow(thread.Windows[0], WindowEnd.NextEvent);
            thread.Windows.RemoveAt(0);
        }

        if (thread.TtmMove is { Windows.Count: < MaxNestedWindows } move)
        {
            move.Windows.Add(window);
        }

        thread.Windows.Add(window);
        _opening.Add(window);
        _openWindows.Add((thread, window));
        vm.Opening++;
    }

    /// <summary>The innermost recorded thing that the task is doing. A fault is named only while it looks its page up.</summary>
    private static string? CauseOf(ThreadState thread) =>
        thread.TtmMove is not null ? "ttm_bo_handle_move_mem"
        : thread.Fault is not null ? "kvm_page_fault"
        : thread.Syscall;

    private static void FollowSyscalls(EventCursor e, ThreadState thread)
    {
        if (e.Source.IsSyscall)
        {
            thread.Syscall = e.Source.SyscallEntry;
        }
    }

    private static (int Slots, ulong Gfns) SlotsIn(VmTrack vm, ulong start, ulong end)
    {
        int slots = 0;
        ulong gfns = 0;
        foreach (State.Memslots set in vm.Slots)
        {
            foreach (State.Memslot slot in set.OverlappingHva(start, end))
            {
                slots++;
                gfns += ((Math.Min(slot.EndHva, end) + 4095) >> 12) - (Math.Max(slot.UserspaceAddr, start) >> 12);
            }
        }

        return (slots, gfns);
    }

    /// <summary>Windows last far shorter than a loss: the end of one that is open where records were lost was among them.</summary>
    private void CloseWindowsAtLoss(int cpu)
    {
        for (int i = _openWindows.Count - 1; i >= 0; i--)
        {
            (ThreadState thread, Window window) = _openWindows[i];
            if (window.Cpu == cpu || cpu < 0 || window.Cpu < 0)
            {
                Counts.WindowsClosedByLoss++;
                thread.Windows.Remove(window);
                EndWindow(window, WindowEnd.Loss);
            }
        }
    }

    private void BeginDueWindows(long seq)
    {
        for (int i = _opening.Count - 1; i >= 0; i--)
        {
            if (_opening[i].BeginsAfter < seq)
            {
                BeginWindow(_opening[i]);
                _opening.RemoveAt(i);
            }
        }
    }

    /// <summary>
    /// The recorded mmu_invalidate_in_progress counts the windows that have begun: of those whose begin lies somewhere around
    /// here, the earliest as many as it takes have, the others have not.
    /// </summary>
    private void PlaceBeginsByCount(VmTrack vm, ulong inProgress, long seq)
    {
        int begun = _openWindows.Count(open => open.Window.Vm == vm && open.Window.Begun);
        foreach (Window window in _opening)
        {
            if (window.Vm == vm && !window.Begun)
            {
                window.BeginsAfter = (ulong)begun < inProgress ? seq - 1 : Math.Max(window.BeginsAfter, seq);
                begun++;
            }
        }
    }

    /// <summary>
    /// The probe stands at the entry of kvm_faultin_pfn, the snapshot and the check after it come a little later. A snapshot that
    /// counts the end of a window was taken after that end, wherever the probe's record stands: so the fault begins after it.
    /// </summary>
    /// <param name="snapshot">Recorded fault->mmu_seq.</param>
    private void BeginAfterEndsBefore(OpenFault fault, ulong snapshot)
    {
        Span<Operation> operations = CollectionsMarshal.AsSpan(Operations);
        int begin = operations.Length - 1;
        int after = -1;
        while (begin >= 0 && !(operations[begin].Kind == OperationKind.FaultBegin && operations[begin].FaultId == fault.Observed.FaultId))
        {
            ref readonly Operation o = ref operations[begin];
            if (after < 0 && o.Kind == OperationKind.WindowEnd && o.Vm == fault.Vm.Index && o.C != 0 && o.C <= snapshot)
            {
                after = begin;
            }

            begin--;
        }

        // Not found: the models have had it already, with the batch before.
        if (begin >= 0 && after >= 0)
        {
            Operation begun = operations[begin];
            operations[(begin + 1)..(after + 1)].CopyTo(operations[begin..]);
            operations[after] = begun;
        }
    }

    /// <summary>
    /// A task that goes on with other work has left the notifier: the end was not probed, or its record was lost. Without a
    /// probe any event but a zap or what the page allocator does says so, with one only those that cannot happen inside a window (spec 15.2, policy b).
    /// </summary>
    private void CloseLeftWindows(EventKind kind, ThreadState thread)
    {
        bool left = _kinds.Contains(EventKind.NotifierEnd)
            ? kind is EventKind.PageFault or EventKind.Entry or EventKind.UserspaceExit or EventKind.SysEnterMmap or EventKind.SysEnterMunmap
                or EventKind.SysEnterMprotect or EventKind.SyscallEdge or EventKind.SetRegion
            : kind is not (EventKind.SpteChanged or EventKind.AgeHva or EventKind.PageAlloc or EventKind.PageFree);
        if (!left)
        {
            return;
        }

        foreach (Window window in thread.Windows)
        {
            Counts.WindowsClosedByNextEvent++;
            Records.WindowClosed(window, byItsEnd: false);
            EndWindow(window, WindowEnd.NextEvent);
        }

        thread.Windows.Clear();
    }

    private void OnInvalidateBegin(ThreadState thread)
    {
        if (thread.Windows is [.., { Settled: false } window])
        {
            Settle(window);
        }
    }

    private void OnNotifierStartReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Windows is not [.., { } window])
        {
            return;
        }

        if ((int)e[0] != 0)
        {
            // A start that may not block gave up: the kernel ends the window on its behalf.
            EndWindow(window, WindowEnd.StartRefused);
            thread.Windows.Remove(window);
            return;
        }

        Settle(window);
    }

    /// <summary>From here on it is certain that the window has begun.</summary>
    private void Settle(Window window)
    {
        BeginWindow(window);
        if (!window.Settled)
        {
            window.Settled = true;
            window.SettledSeq = _seq;
            window.SettledAt = _time;
            window.Vm.Opening--;
        }
    }

    private void OnNotifierEnd(EventCursor e, ThreadState thread)
    {
        ulong notifier = e[0];
        ulong start = e[1];
        ulong end = e[2];
        int index = e.Knows(1) && e.Knows(2)
            ? thread.Windows.FindLastIndex(w => w.Start == start && w.End == end && (w.Notifier == notifier || w.Notifier == 0 || !e.Knows(0)))
            : thread.Windows.Count - 1;
        if (index < 0)
        {
            Records.EndWithoutStart(VmOf(thread));
            return;
        }

        Window window = thread.Windows[index];
        thread.Windows.RemoveAt(index);
        Counts.WindowsClosedByProbe++;
        Records.WindowEnds(window);
        Records.WindowClosed(window, byItsEnd: true);
        (window.EndSeq, window.EndAt) = (e.Seq, e.Time);
        if (_kinds.Contains(EventKind.InvalidateEnd))
        {
            thread.Ending = window;
        }
        else
        {
            EndWindow(window, WindowEnd.Probe);
        }
    }

    private void OnInvalidateEnd(EventCursor e, ThreadState thread)
    {
        if (thread.Ending is not { } window)
        {
            return;
        }

        thread.Ending = null;
        VmTrack? vm = _vms.Find(v => v.Kvm == e[0]);
        if (vm is not null && window.Notifier != 0)
        {
            _vmByNotifier[window.Notifier] = vm;
        }

        if (e.Knows(1) && e.Knows(2))
        {
            CheckCounts(window, e[1], (long)e[2]);
        }

        EndWindow(window, WindowEnd.Probe, e.Knows(1) ? e[1] + 1 : 0, e[2]);
    }

    private void CheckCounts(Window ending, ulong seq, long inProgress)
    {
        int most = 1;
        int fewest = 1;
        foreach ((ThreadState thread, Window window) in _openWindows)
        {
            if (window.Vm == ending.Vm && window != ending)
            {
                // Past its own end's entry it may have left the count already; one over no memslot was never in it.
                most++;
                fewest += window.Settled && thread.Ending != window && MatchesSlot(window) ? 1 : 0;
            }
        }

        Records.Counts(ending.Vm, seq, inProgress, fewest, most);
    }

    private static bool MatchesSlot(Window window) => SlotsIn(window.Vm, window.Start, window.End).Slots > 0;

    private void BeginWindow(Window window)
    {
        if (window.Begun)
        {
            return;
        }

        window.Begun = true;
        window.Vm.Boundaries++;
        if (window.Event is not (ProtectionVma or ProtectionPage))
        {
            ForgetVisitor forget = default;
            window.Vm.InsertedPfns.ForEach(window.Start >> 12, (window.End + 4095) >> 12, ref forget);
        }

        if (_inferred is not null)
        {
            window.Vm.Memory.Forget(window.Start, window.End);
        }

        Emit(OperationKind.WindowBegin, window.Vm, window.Start, window.End, window.Event);
    }

    private void EndWindow(Window window, WindowEnd by, ulong seqPlusOne = 0, ulong inProgress = 0)
    {
        Settle(window);
        window.EndedBy = by;
        window.InvalidateSeq = seqPlusOne == 0 ? null : seqPlusOne;
        if (window.EndSeq < 0 || seqPlusOne != 0)
        {
            (window.EndSeq, window.EndAt) = (_seq, _time);
        }

        EndedWindows.Add(window);
        _opening.Remove(window);
        int index = _openWindows.FindIndex(open => open.Window == window);
        if (index >= 0)
        {
            RememberEnded(_openWindows[index].Thread.Pid, window);
            _openWindows.RemoveAt(index);
        }

        window.Vm.Boundaries++;
        _windowEnds?.TryAdd(window.UnmapSeq, _faultEvents);
        Emit(OperationKind.WindowEnd, window.Vm, window.Start, window.End, seqPlusOne, inProgress);
    }

    private VmTrack VmOfNotifier(ThreadState thread, ulong start, ulong end)
    {
        if (thread.PendingNotifier != 0 && _vmByNotifier.TryGetValue(thread.PendingNotifier, out VmTrack? known))
        {
            return known;
        }

        foreach (VmTrack vm in _vms)
        {
            foreach (State.Memslots slots in vm.Slots)
            {
                if (slots.OverlappingHva(start, end).MoveNext())
                {
                    return vm;
                }
            }
        }

        return VmOf(thread);
    }
}
