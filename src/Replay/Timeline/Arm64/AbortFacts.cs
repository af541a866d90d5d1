using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>What an abort met, by how it ended.</summary>
internal enum AbortEnd : byte
{
    /// <summary>Not told, or more than one is possible.</summary>
    Unknown = 0,

    /// <summary>The guest went on: memory.</summary>
    Memory,

    /// <summary>No memslot, or one that may not be written.</summary>
    Mmio,

    /// <summary>EFAULT: a memslot whose page could not be had.</summary>
    Refused,
}

/// <summary>How every abort of a trace ended, read ahead, and what is around each in the guest's memory.</summary>
internal sealed class AbortFacts
{
    private const int Efault = -14;
    private const int BlockShift = 9;

    // In the order of fault numbers, which is that of the trace.
    private readonly List<(ulong Key, int Place, ulong Page, int PagePlace)> _aborts = [];
    private readonly Dictionary<ulong, List<AbortEnd>> _blocks = [];
    private readonly Dictionary<ulong, List<AbortEnd>> _pages = [];
    private readonly HashSet<ulong> _refused = [];

    /// <summary>The kinds of event that tell it.</summary>
    public static IReadOnlySet<EventKind> Kinds { get; } = new HashSet<EventKind>
    {
        EventKind.GuestFault, EventKind.Entry, EventKind.Exit, EventKind.UserspaceExit, EventKind.Mmio, EventKind.MmioNoSyndrome,
    };

    public static AbortFacts Read(EventStream stream)
    {
        AbortFacts facts = new();
        Dictionary<int, int> open = [];
        while (stream.MoveNext())
        {
            EventCursor e = stream.Current;
            if (e.Kind == EventKind.GuestFault)
            {
                if (e.Knows(0) && e.Knows(1) && e.Pid >= 0)
                {
                    open[e.Pid] = facts.Begin(e[0] >> 12, new Syndrome(e[1]));
                }

                continue;
            }

            if (open.Remove(e.Pid, out int abort))
            {
                facts.End(abort, e.Kind switch
                {
                    EventKind.Entry => AbortEnd.Memory,
                    EventKind.Mmio or EventKind.MmioNoSyndrome => AbortEnd.Mmio,
                    EventKind.UserspaceExit when e.Knows(1) && (int)e[1] == Efault => AbortEnd.Refused,
                    EventKind.UserspaceExit when e.Knows(0) && e[0] == AbortEnds.ExitMmio => AbortEnd.Mmio,
                    _ => AbortEnd.Unknown,
                });
            }
        }

        return facts;
    }

    /// <summary>How the abort itself ended.</summary>
    public AbortEnd EndOf(long abort) => abort >= 0 && abort < _aborts.Count ? _blocks[_aborts[(int)abort].Key][_aborts[(int)abort].Place] : AbortEnd.Unknown;

    /// <summary>
    /// What the nearest other aborts of the same kind of access met, the one before and the one behind, if they agree: in the same 2 MiB, but
    /// where KVM refused a page there, on the same page only, as pages side by side may be of two kinds.
    /// </summary>
    /// <param name="abort">The abort's number.</param>
    public AbortEnd Around(long abort)
    {
        if (abort < 0 || abort >= _aborts.Count)
        {
            return AbortEnd.Unknown;
        }

        (ulong key, int place, ulong page, int pagePlace) = _aborts[(int)abort];
        return _refused.Contains(key >> 2) ? Between(_pages[page], pagePlace) : Between(_blocks[key], place);
    }

    private static AbortEnd Between(List<AbortEnd> ends, int place)
    {
        AbortEnd? before = place > 0 ? ends[place - 1] : null;
        AbortEnd? behind = place + 1 < ends.Count ? ends[place + 1] : null;
        AbortEnd? one = before ?? behind;
        return one is null || (before is not null && behind is not null && before != behind) ? AbortEnd.Unknown : one.Value;
    }

    // Reads, writes and fetches apart: a READONLY memslot is memory for the first and MMIO for the second.
    private int Begin(ulong gfn, Syndrome syndrome)
    {
        ulong want = (syndrome.Access & FaultAccess.Write) != 0 ? 1UL : (syndrome.Access & FaultAccess.Exec) != 0 ? 2UL : 0;
        ulong key = ((gfn >> BlockShift) << 2) | want;
        ulong page = (gfn << 2) | want;
        List<AbortEnd> block = ListOf(_blocks, key);
        List<AbortEnd> ends = ListOf(_pages, page);
        _aborts.Add((key, block.Count, page, ends.Count));
        block.Add(AbortEnd.Unknown);
        ends.Add(AbortEnd.Unknown);
        return _aborts.Count - 1;
    }

    private void End(int abort, AbortEnd end)
    {
        (ulong key, int place, ulong page, int pagePlace) = _aborts[abort];
        _blocks[key][place] = end;
        _pages[page][pagePlace] = end;
        if (end == AbortEnd.Refused)
        {
            _refused.Add(key >> 2);
        }
    }

    private static List<AbortEnd> ListOf(Dictionary<ulong, List<AbortEnd>> lists, ulong key)
    {
        if (!lists.TryGetValue(key, out List<AbortEnd>? list))
        {
            lists.Add(key, list = []);
        }

        return list;
    }
}
