using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Cost;

/// <summary>What the trace shows of time besides faults: notifier windows, notifier calls, zaps, and probe records within faults.</summary>
/// <param name="recordsLeaves">Whether the trace records changes of leaves: else nothing tells which calls zapped any.</param>
internal sealed class TracedRecords(bool recordsLeaves)
{
    private const int MaxTasks = 1 << 16;
    private const int MaxNested = 64;

    private readonly Dictionary<int, Task> _tasks = [];
    private readonly Dictionary<long, int> _probesOfFault = [];

    /// <summary>kvm_mmu_notifier_invalidate_range_start to _end of the same range and task.</summary>
    public List<long> Windows { get; } = [];

    /// <summary>kvm_mmu_notifier_invalidate_range_start to its return, where KVM zaps: without any zap record, and with.</summary>
    public (List<long> Idle, List<long> Zapping) Calls { get; } = ([], []);

    /// <summary>The same where no record tells whether they zapped any.</summary>
    public List<long> UntoldCalls { get; } = [];

    /// <summary>From one zap record of a 4 KiB or larger leaf to the next one in the same call.</summary>
    public List<long> Zaps { get; } = [];

    /// <summary>Probe records of the task between the fault's begin and its end; taken away.</summary>
    public int TakeProbes(long faultSeq)
    {
        _probesOfFault.Remove(faultSeq, out int probes);
        return probes;
    }

    public void Add(EventCursor e)
    {
        if (!_tasks.TryGetValue(e.Pid, out Task? task))
        {
            if (_tasks.Count >= MaxTasks)
            {
                _tasks.Clear();
            }

            _tasks.Add(e.Pid, task = new Task());
        }

        if (IsProbe(e.Kind))
        {
            task.Probes++;
        }

        switch (e.Kind)
        {
            case EventKind.PageFault or EventKind.GuestFault:
                task.Fault = e.Seq;
                task.Probes = 0;
                break;
            case EventKind.Entry or EventKind.UserspaceExit when task.Fault >= 0:
                _probesOfFault[task.Fault] = task.Probes;
                task.Fault = -1;
                break;
            case EventKind.NotifierStart:
                task.Call = e.Time;
                task.CallZaps = 0;
                task.BetweenZaps.Clear();
                if (e.Knows(1) && e.Knows(2) && task.Open.Count < MaxNested)
                {
                    task.Open.Add((e[1], e[2], e.Time));
                }

                break;
            case EventKind.NotifierStartRet when task.Call >= 0:
                (!recordsLeaves ? UntoldCalls : task.CallZaps > 0 ? Calls.Zapping : Calls.Idle).Add(e.Time - task.Call);
                task.Call = -1;
                Zaps.AddRange(task.BetweenZaps);
                task.BetweenZaps.Clear();
                break;
            case EventKind.NotifierEnd when e.Knows(1) && e.Knows(2):
                EndWindow(task, e);
                break;
            case EventKind.SpteChanged when task.Call >= 0 && IsZap(e):
                if (task.CallZaps++ > 0)
                {
                    // Only the call's return says that they all were in it.
                    task.BetweenZaps.Add(e.Time - task.LastZap);
                }

                task.LastZap = e.Time;
                break;
        }
    }

    private void EndWindow(Task task, EventCursor e)
    {
        int place = task.Open.FindLastIndex(open => open.Start == e[1] && open.End == e[2]);
        if (place >= 0)
        {
            Windows.Add(e.Time - task.Open[place].Time);
            task.Open.RemoveAt(place);
        }
    }

    private static bool IsProbe(EventKind kind) =>
        kind >= EventKind.SetRegion && kind is not (EventKind.GuestFault or EventKind.AccessFault or EventKind.MmioNoSyndrome or EventKind.SetSpteHva);

    /// <summary>A present leaf is gone: old_spte was one, new_spte is none.</summary>
    private static bool IsZap(EventCursor e) => SpteIsLeaf(e[1], (int)e[3]) && !Models.Skeleton.SpteLayout.IsPresent(e[2]);

    private static bool SpteIsLeaf(ulong spte, int level) =>
        Models.Skeleton.SpteLayout.IsPresent(spte) && (level == 1 || (spte & Models.Skeleton.SpteLayout.LargeBit) != 0);

    private sealed class Task
    {
        public long Fault = -1;
        public int Probes;
        public long Call = -1;
        public int CallZaps;
        public long LastZap;

        public List<long> BetweenZaps { get; } = [];

        public List<(ulong Start, ulong End, long Time)> Open { get; } = [];
    }
}
