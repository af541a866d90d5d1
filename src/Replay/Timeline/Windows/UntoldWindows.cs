using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models.Skeleton;

namespace TraceReplay.Replay.Timeline.Windows;

/// <summary>
/// Whether there were notifier windows in a capture that records none. A leaf that a live VM loses outside of any change of its
/// memslots was zapped in one (spec 4.1): then every fault may have met one, over absent leaves too, where nothing at all is recorded.
/// </summary>
internal static class UntoldWindows
{
    private static readonly HashSet<EventKind> s_kinds = [EventKind.PageFault, EventKind.SpteChanged, EventKind.ZapAllFast, EventKind.SyscallEdge, EventKind.SysEnterIoctl];

    public static bool Any(DatasetReader reader, TraceManifest trace, IReadOnlySet<EventKind> kinds)
    {
        if (kinds.Contains(EventKind.UnmapHvaRange) || kinds.Contains(EventKind.NotifierStart) || !kinds.Contains(EventKind.SpteChanged))
        {
            return false;
        }

        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: true, s_kinds);
        return Any(stream);
    }

    private static bool Any(EventStream stream)
    {
        Dictionary<(ulong Gfn, ulong AsId), int> installers = [];
        HashSet<int> lost = [];
        HashSet<int> zapsRoots = [];
        HashSet<int> faults = [];
        while (stream.MoveNext())
        {
            EventCursor e = stream.Current;
            switch (e.Kind)
            {
                case EventKind.PageFault when lost.Contains(e.Pid):
                    // Its VM lives on after the zap.
                    return true;
                case EventKind.PageFault:
                    faults.Add(e.Pid);
                    zapsRoots.Remove(e.Pid);
                    break;
                case EventKind.ZapAllFast:
                    zapsRoots.Add(e.Pid);
                    break;
                case EventKind.SpteChanged when e.TellsEnough && e[3] is 1 or 2:
                    bool was = SpteLayout.IsPresent(e[1]) && (e[3] == 1 || (e[1] & SpteLayout.LargeBit) != 0);
                    if (SpteLayout.IsPresent(e[2]))
                    {
                        installers[(e[0], e[4])] = e.Pid;
                    }
                    else if (was && !zapsRoots.Contains(e.Pid) && !faults.Contains(e.Pid) && installers.TryGetValue((e[0], e[4]), out int installer))
                    {
                        lost.Add(installer);
                    }

                    break;
                default:
                    zapsRoots.Remove(e.Pid);
                    break;
            }
        }

        return false;
    }
}
