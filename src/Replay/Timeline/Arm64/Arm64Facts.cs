using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>What an arm64 capture's records show of its kernel and CPU, read ahead.</summary>
/// <param name="Prot">Which encoding of kvm_pgtable_prot; null if nothing decides it.</param>
/// <param name="AlwaysExecutable">A normal page was made executable for an access that is no instruction fetch: the CPU has DIC. Null if nothing was mapped.</param>
/// <param name="SlotsRefused">Calls for a new memslot that the kernel refused with -EINVAL although they log nothing.</param>
/// <param name="OtherPageSize">A leaf has a size that no kernel with 4 KiB pages makes.</param>
internal sealed record Arm64Facts(Prot? Prot, bool? AlwaysExecutable, long SlotsRefused, bool OtherPageSize)
{
    private const int Einval = -22;

    private static readonly HashSet<EventKind> s_kinds = [EventKind.GuestFault, EventKind.S2Map, EventKind.SetRegion, EventKind.SetRegionRet];

    public static Arm64Facts Read(DatasetReader reader, TraceManifest trace, bool ignoreProbes, bool since619)
    {
        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes, s_kinds);
        Dictionary<int, FaultAccess> faults = [];
        Dictionary<int, bool> regions = [];
        ulong all = 0;
        ulong common = ulong.MaxValue;
        ulong normalOfData = 0;
        long data = 0;
        long refused = 0;
        bool otherSize = false;
        while (stream.MoveNext())
        {
            EventCursor e = stream.Current;
            switch (e.Kind)
            {
                case EventKind.GuestFault when e.Knows(1):
                    faults[e.Pid] = new Syndrome(e[1]).Access;
                    break;
                case EventKind.S2Map when e.Knows(3):
                    all |= e[3];
                    common &= e[3];
                    otherSize |= e[1] is not (0x1000 or 0x20_0000 or 0x4000_0000);
                    if (faults.TryGetValue(e.Pid, out FaultAccess access) && (access & FaultAccess.Exec) == 0)
                    {
                        data++;
                        normalOfData |= e[3];
                    }

                    break;
                case EventKind.SetRegion:
                    regions[e.Pid] = e[4] != 0 && ((MemslotFlags)(uint)e[2] & MemslotFlags.LogDirty) == 0;
                    break;
                case EventKind.SetRegionRet:
                    refused += e.Knows(0) && (int)e[0] == Einval && regions.GetValueOrDefault(e.Pid) ? 1 : 0;
                    break;
            }
        }

        Prot? shown = Prot.Shown(all, common);
        Prot prot = shown ?? (since619 ? Prot.Since7 : Prot.Before7);
        return new Arm64Facts(shown, data == 0 ? null : (normalOfData & prot.Execute) != 0, refused, otherSize);
    }
}
