using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Models.Skeleton;

namespace TraceReplay.Replay.Timeline.Windows;

/// <summary>
/// Whether there were notifier windows in a capture that records none. A leaf that a live VM loses outside of any change of its
/// memslots was zapped in one (spec 4.1): then every fault may have met one, over absent leaves too, where nothing at all is recorded.
/// </summary>
internal static class UntoldWindows
{
    private static readonly HashSet<EventKind> s_kinds = [EventKind.PageFault, EventKind.SpteChanged, EventKind.ZapAllFast];

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
        HashSet<(ulong Gfn, ulong AsId)> ofOldRoots = [];
        HashSet<int> lost = [];
        while (stream.MoveNext())
        {
            EventCursor e = stream.Current;
            switch (e.Kind)
            {
                case EventKind.PageFault when lost.Contains(e.Pid):
                    // Its VM lives on after the zap.
                    return true;
                case EventKind.ZapAllFast:
                    // The leaves of the roots that go are zapped by whoever drops one last, maybe when the gfns have new ones.
                    ofOldRoots.UnionWith(installers.Keys);
                    installers.Clear();
                    break;
                case EventKind.SpteChanged when e.TellsEnough && e[3] is 1 or 2 && (e[3] == 1 || ((e[1] | e[2]) & SpteLayout.LargeBit) != 0):
                    (ulong, ulong) leaf = (e[0], e[4]);
                    if (SpteLayout.IsPresent(e[2]))
                    {
                        installers[leaf] = e.Pid;
                    }
                    else if (SpteLayout.IsPresent(e[1]) && IsEmpty(e[2]) && !ofOldRoots.Remove(leaf) && installers.Remove(leaf, out int installer))
                    {
                        lost.Add(installer);
                    }

                    break;
            }
        }

        return false;
    }

    // Entries of a table that is taken out as a whole become frozen instead (spec 0.4).
    private static bool IsEmpty(ulong spte) => (spte & ~SpteLayout.SuppressVe) == 0;
}
