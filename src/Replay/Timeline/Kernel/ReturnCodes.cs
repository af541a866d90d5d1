namespace TraceReplay.Replay.Timeline.Kernel;

/// <summary>The numbers of RET_PF_*, which are the kernel's own (spec 1.4).</summary>
/// <param name="WriteProtected">-1 where EMULATE says it.</param>
public sealed record ReturnCodes(int Retry, int Emulate, int WriteProtected, int Invalid, int Fixed, int Spurious)
{
    public static ReturnCodes Kernel510 { get; } = new(0, 1, -1, 2, 3, 4);

    public static ReturnCodes Kernel61 { get; } = new(1, 2, -1, 3, 4, 5);

    public static ReturnCodes Kernel612 { get; } = new(1, 2, 3, 4, 5, 6);

    private static readonly (ReturnCodes Codes, Releases Releases)[] s_known =
    [
        (Kernel510, new Releases(0, 6001)),
        (Kernel61, new Releases(5011, 6012)),
        (Kernel612, new Releases(6002, Releases.Open)),
    ];

    /// <param name="version">As <see cref="Releases"/> counts them; null = unknown.</param>
    public static ReturnCodes Of(int? version) => version switch
    {
        null or >= 6012 => Kernel612,
        < 5019 => Kernel510, // RET_PF_CONTINUE came before the others with 5.19.
        _ => Kernel61,
    };

    /// <summary>Which releases have these numbers, as far as it is known.</summary>
    public Releases Releases => Array.Find(s_known, known => known.Codes == this).Releases;

    /// <summary>
    /// The numbers that the capture itself shows: a fault that put a leaf in place returned FIXED, a fast path that made an
    /// entry writable too, and one that left a write forbidden returned INVALID.
    /// </summary>
    /// <returns>null if nothing was recorded that tells them apart, or what was does not agree.</returns>
    internal static ReturnCodes? Shown(ReturnCodeCounts counts)
    {
        // A trace has races: another task's leaf, a value read late. What is shown is what nearly all say.
        (ReturnCodes Codes, long Wrong) best = s_known.Select(known => (known.Codes, counts.Against(known.Codes))).MinBy(known => known.Item2);
        return counts.Total > 0 && best.Wrong * 10 < counts.Total ? best.Codes : null;
    }
}

/// <summary>How often each number was returned where only one meaning is possible.</summary>
internal sealed class ReturnCodeCounts
{
    private const int Numbers = 8;
    private readonly long[] _fixed = new long[Numbers];
    private readonly long[] _invalid = new long[Numbers];
    private readonly HashSet<int> _leafByTask = [];

    public long Total { get; private set; }

    public long Against(ReturnCodes codes) => Total - _fixed[codes.Fixed] - _invalid[codes.Invalid];

    public void Add(EventCursor e)
    {
        switch (e.Kind)
        {
            case EventKind.PageFault or EventKind.TdpFault:
                _leafByTask.Remove(e.Pid);
                break;
            case EventKind.SetSpte:
                _leafByTask.Add(e.Pid);
                break;
            case EventKind.TdpFaultRet when _leafByTask.Remove(e.Pid) && e.Knows(0):
                Count(_fixed, (int)e[0]);
                break;
            case EventKind.FastPageFault when e.Knows(0) && e.Knows(1) && e.Knows(2) && e.Knows(3):
                AddFast(e[0], e[1], e[2], (int)e[3]);
                break;
        }
    }

    private void AddFast(ulong error, ulong before, ulong after, int value)
    {
        const ulong write = 2;
        if ((before & write) == 0 && (after & write) != 0 && (before & ~0xfffUL) == (after & ~0xfffUL))
        {
            Count(_fixed, value);
        }
        else if (before == after && (after & write) == 0 && (error & write) != 0)
        {
            Count(_invalid, value);
        }
    }

    private void Count(long[] counts, int value)
    {
        if (value is >= 0 and < Numbers)
        {
            counts[value]++;
            Total++;
        }
    }
}
