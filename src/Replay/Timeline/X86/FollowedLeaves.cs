using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Host;
using TraceReplay.Replay.Timeline.Tasks;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>
/// Leaves of drivers that a lookup follows (spec 3.1, F). Since 6.12 the probe's return shows the leaf. follow_pte before it shows only that
/// there is one: its frame is what the driver's insertion showed, else what the lookup itself returns, and of one that KVM refused nothing.
/// </summary>
internal sealed class FollowedLeaves(TimelineContext context)
{
    private static readonly HashSet<EventKind> s_kinds = [EventKind.HvaToPfn, EventKind.HvaToPfnRet, EventKind.FollowPfnRet, EventKind.InsertPfn];

    public static void OnFollow(TaskState task) => task.Fault?.SawFollow = task.Fault.InLookup;

    public void OnReturn(EventCursor e, TaskState task)
    {
        if (task.Fault is not { InLookup: true } fault || (int)e[0] != 0)
        {
            return;
        }

        fault.Fact = LookupFact.Found;
        if (e.Knows(1) && e.Knows(2))
        {
            context.Emit(OperationKind.PteKnown, fault.Vm, fault.Hva, HostPte.Make(e[1], (e[2] & 1) != 0, special: true, level: 0).Raw);
            return;
        }

        // The probe shows that there is a leaf, the driver's insertion showed its pfn, mprotect what may be done with it.
        ulong inserted = fault.Vm.InsertedPfns[fault.Hva >> 12];
        fault.FollowedUntold = inserted == 0;
        if (inserted != 0)
        {
            bool writable = HostTracker.IsSharedWritable(fault.Vm.Memory.FindVma(fault.Hva)?.Flags ?? VmaFlags.None);
            context.Emit(OperationKind.PteKnown, fault.Vm, fault.Hva, HostPte.Make(inserted - 1, writable, special: true).Raw);
        }
    }

    /// <summary>Whether KVM refused a page whose leaf its lookup followed, and no record shows that leaf.</summary>
    public static bool AnyRefusedUntold(DatasetReader reader, TraceManifest trace)
    {
        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: false, s_kinds);
        HashSet<ulong> inserted = [];
        Dictionary<int, (ulong Page, bool Followed)> lookups = [];
        while (stream.MoveNext())
        {
            EventCursor e = stream.Current;
            switch (e.Kind)
            {
                case EventKind.InsertPfn when e.Knows(0):
                    inserted.Add(e[0] >> 12);
                    break;
                case EventKind.HvaToPfn when e.Knows(0):
                    lookups[e.Pid] = (e[0] >> 12, false);
                    break;
                case EventKind.FollowPfnRet when e.Knows(0) && (int)e[0] == 0 && !e.Knows(1) && lookups.TryGetValue(e.Pid, out (ulong Page, bool) lookup):
                    lookups[e.Pid] = (lookup.Page, true);
                    break;
                case EventKind.HvaToPfnRet when lookups.Remove(e.Pid, out (ulong Page, bool Followed) done):
                    if (done.Followed && e.Knows(0) && e[0] == SpecialPfn.Fault && !inserted.Contains(done.Page))
                    {
                        return true;
                    }

                    break;
            }
        }

        return false;
    }
}
