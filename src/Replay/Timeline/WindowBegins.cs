using TraceReplay.Replay.Models.Skeleton;

namespace TraceReplay.Replay.Timeline;

/// <summary>
/// Where each notifier window begins. No event shows it: it lies between kvm_unmap_hva_range and the first zap (or the
/// return of the notifier's start). A begin needs mmu_lock for writing, so it comes after every fault that was seen inside
/// its read side in that interval; it is placed right after the last of them (spec 4.1, 15.3).
/// </summary>
internal sealed class WindowBegins
{
    // Windows of tasks that do nothing more stay open for ever where no probe ends them.
    private const int MaxOpen = 64;

    private readonly List<(long Unmap, long After)> _begins = [];
    private int _next;

    /// <summary>Reads ahead through the few tables that tell.</summary>
    public static WindowBegins Read(EventStream stream, ClockSkew skew)
    {
        WindowBegins result = new();
        Dictionary<int, int> openByTask = [];
        List<(int Pid, int Index)> open = [];
        bool returnsShown = stream.Kinds.Contains(EventKind.NotifierStartRet);
        HashSet<(int Pid, int Index)> after = [];
        while (stream.MoveNext())
        {
            EventCursor e = stream.Current;
            skew.Add(e);
            switch (e.Kind)
            {
                case EventKind.UnmapHvaRange:
                    Close(e.Pid);
                    openByTask[e.Pid] = result._begins.Count;
                    open.Add((e.Pid, result._begins.Count));
                    if (open.Count > MaxOpen)
                    {
                        open.RemoveAt(0);
                    }

                    result._begins.Add((e.Seq, e.Seq));
                    break;
                case EventKind.NotifierStartRet:
                    Close(e.Pid);
                    break;
                case EventKind.PageFault when !returnsShown:
                    foreach ((int _, int index) in open)
                    {
                        after.Add((e.Pid, index));
                    }

                    break;
                case EventKind.SpteChanged when e.TellsEnough && SpteLayout.IsPresent(e[1]) && !SpteLayout.IsPresent(e[2]):
                    Close(e.Pid);
                    break;
                case EventKind.SpteRequested or EventKind.SetSpte:
                    foreach ((int pid, int index) in open)
                    {
                        // Where the start's return is not probed, nothing may end the interval: only faults count, then, that
                        // were under way already.
                        if (pid != e.Pid && !after.Contains((e.Pid, index)))
                        {
                            result._begins[index] = (result._begins[index].Unmap, e.Seq);
                        }
                    }

                    break;
            }
        }

        return result;

        void Close(int pid)
        {
            if (openByTask.Remove(pid, out int index))
            {
                open.Remove((pid, index));
            }
        }
    }

    /// <summary>The event after which the window of this kvm_unmap_hva_range counts as begun. Ask in the order of the trace.</summary>
    public long AfterSeq(long unmapSeq)
    {
        while (_next < _begins.Count && _begins[_next].Unmap < unmapSeq)
        {
            _next++;
        }

        return _next < _begins.Count && _begins[_next].Unmap == unmapSeq ? _begins[_next].After : unmapSeq;
    }
}
