using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Timeline;

/// <content>Notifier windows, and SPTE changes made by others than a fault (spec 15.2, 4.7).</content>
internal sealed partial class TimelineBuilder
{
    // mmu_notifier_event: the pages stay where they are, only what may be done with them changes.
    private const ulong ProtectionVma = 2;
    private const ulong ProtectionPage = 3;

    private static void OnNotifierStart(EventCursor e, ThreadState thread)
    {
        thread.PendingNotifier = e[0];
        thread.PendingNotifierEvent = e[3];
    }

    private void OnUnmapHvaRange(EventCursor e, ThreadState thread)
    {
        VmTrack vm = VmOfNotifier(thread, e[0], e[1]);
        Window window = new()
        {
            Vm = vm,
            Notifier = thread.PendingNotifier,
            Start = e[0],
            End = e[1],
            Event = thread.PendingNotifierEvent,
        };
        thread.PendingNotifier = 0;
        thread.PendingNotifierEvent = 0;
        if (!_kinds.Contains(EventKind.NotifierEnd))
        {
            // Without a probe on the end: a new window of the task means that the old ones are over.
            foreach (Window old in thread.Windows)
            {
                Counts.WindowsClosedByNextEvent++;
                EndWindow(old, 0);
            }

            thread.Windows.Clear();
        }

        thread.Windows.Add(window);
        vm.Opening++;
        if (!_kinds.Contains(EventKind.NotifierStartRet) && !_kinds.Contains(EventKind.InvalidateBegin))
        {
            BeginWindow(window);
        }
    }

    private void OnInvalidateBegin(ThreadState thread)
    {
        if (thread.Windows is [.., { Begun: false } window])
        {
            BeginWindow(window);
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
            // A start that may not block gave up: there is no window.
            if (!window.Begun)
            {
                window.Vm.Opening--;
            }

            thread.Windows.Remove(window);
            return;
        }

        BeginWindow(window);
    }

    private void OnNotifierEnd(EventCursor e, ThreadState thread)
    {
        ulong notifier = e[0];
        ulong start = e[1];
        ulong end = e[2];
        int index = thread.Windows.FindLastIndex(w => w.Start == start && w.End == end && (w.Notifier == notifier || w.Notifier == 0));
        if (index < 0)
        {
            return;
        }

        Window window = thread.Windows[index];
        thread.Windows.RemoveAt(index);
        Counts.WindowsClosedByProbe++;
        if (_kinds.Contains(EventKind.InvalidateEnd))
        {
            thread.Ending = window;
        }
        else
        {
            EndWindow(window, 0);
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

        EndWindow(window, e[1] + 1);
    }

    private void BeginWindow(Window window)
    {
        if (window.Begun)
        {
            return;
        }

        window.Begun = true;
        window.Vm.Opening--;
        window.Vm.Boundaries++;
        if (window.Event is not (ProtectionVma or ProtectionPage))
        {
            ForgetVisitor forget = default;
            window.Vm.InsertedPfns.ForEach(window.Start >> 12, (window.End + 4095) >> 12, ref forget);
        }

        Emit(OperationKind.WindowBegin, window.Vm, window.Start, window.End, window.Event);
    }

    private void EndWindow(Window window, ulong seqPlusOne)
    {
        BeginWindow(window);
        window.Vm.Boundaries++;
        Emit(OperationKind.WindowEnd, window.Vm, window.Start, window.End, seqPlusOne);
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
                foreach (State.Memslot slot in slots.All)
                {
                    if (slot.UserspaceAddr < end && start < slot.EndHva)
                    {
                        return vm;
                    }
                }
            }
        }

        return VmOf(thread);
    }

    private void OnAge(EventCursor e, ThreadState thread) =>
        Emit(OperationKind.Age, VmOfNotifier(thread, e[0], e[1]), e[0], e[1]);

    private void OnZapAllFast(ThreadState thread)
    {
        // The region call that deletes a slot has told the models already.
        if (thread.Region is null)
        {
            Emit(OperationKind.ZapAll, VmOf(thread));
        }
    }

    /// <summary>
    /// A fault's own SPTEs and a window's zaps are the models' business. What is left was done to the SPTE by an ioctl or a
    /// kernel thread that the trace shows in no other way: it is handed to every model as it was seen.
    /// </summary>
    private void OnSpteChanged(EventCursor e, ThreadState thread)
    {
        if (thread.Windows is [.., { } window])
        {
            if (!window.Begun)
            {
                BeginWindow(window);
                return;
            }

            if (thread.Fault is null || thread.Fault.InLookup)
            {
                return;
            }
        }

        if (thread.Fault is { Committed: false } || thread.Region is { Invalidated: true })
        {
            return;
        }

        ulong gfn = e[0];
        ulong old = e[1];
        ulong now = e[2];
        ulong level = e[3];
        byte asId = (byte)(e[4] & 1);
        bool oldLeaf = SpteLayout.IsPresent(old) && IsLeaf(old, level);
        bool newLeaf = SpteLayout.IsPresent(now) && IsLeaf(now, level);
        OperationKind kind;
        if (oldLeaf && newLeaf)
        {
            if (SpteLayout.IsWritable(old) && !SpteLayout.IsWritable(now))
            {
                kind = OperationKind.WriteProtect;
            }
            else if ((old & ~now & _options.DirtyBit) != 0)
            {
                kind = OperationKind.ClearDirty;
            }
            else
            {
                return;
            }
        }
        else if (oldLeaf)
        {
            kind = SpteLayout.IsPresent(now) ? OperationKind.SplitHuge : OperationKind.ZapLeaf;
        }
        else if (newLeaf && SpteLayout.IsPresent(old))
        {
            kind = OperationKind.CollapseHuge;
        }
        else
        {
            return;
        }

        Counts.MaintenanceFromSpteEvents++;
        Emit(kind, VmOf(thread), gfn, level, SpteLayout.Pfn(now), asId: asId);
    }

    private static bool IsLeaf(ulong spte, ulong level) => level == 1 || (spte & SpteLayout.LargeBit) != 0;

    private struct ForgetVisitor : State.IEntryVisitor
    {
        public readonly void Visit(ulong index, ref ulong entry) => entry = 0;
    }
}
