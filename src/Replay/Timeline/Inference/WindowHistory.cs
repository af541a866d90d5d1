namespace TraceReplay.Replay.Timeline.Inference;

/// <summary>All notifier windows of a trace, to ask whether what was true of a page at one time still was at another.</summary>
internal sealed class WindowHistory
{
    private const int Shift = 9;

    // Wider windows (an address space's end, a large munmap) are few and kept apart.
    private const ulong MaxBlocks = 64;

    private readonly Dictionary<ulong, List<(ulong Start, ulong End, long Seq)>> _byBlock = [];
    private readonly List<(ulong Start, ulong End, long Seq)> _wide = [];

    /// <summary>A window over the pages [start, end); in the order of the trace.</summary>
    public void Add(ulong start, ulong end, long seq)
    {
        if (start >= end)
        {
            return;
        }

        ulong last = (end - 1) >> Shift;
        if (last - (start >> Shift) >= MaxBlocks)
        {
            _wide.Add((start, end, seq));
            return;
        }

        for (ulong block = start >> Shift; block <= last; block++)
        {
            if (!_byBlock.TryGetValue(block, out List<(ulong, ulong, long)>? list))
            {
                _byBlock.Add(block, list = []);
            }

            list.Add((start, end, seq));
        }
    }

    /// <summary>Whether a window over the page began between two positions of the trace, whichever comes first.</summary>
    public bool AnyBetween(ulong page, long one, long other)
    {
        (long from, long to) = one < other ? (one, other) : (other, one);
        return Any(_wide, page, from, to) || (_byBlock.TryGetValue(page >> Shift, out List<(ulong, ulong, long)>? list) && Any(list, page, from, to));
    }

    private static bool Any(List<(ulong Start, ulong End, long Seq)> windows, ulong page, long from, long to)
    {
        int low = 0;
        int high = windows.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = windows[middle].Seq < from ? (middle + 1, high) : (low, middle);
        }

        for (int i = low; i < windows.Count && windows[i].Seq <= to; i++)
        {
            if (windows[i].Start <= page && page < windows[i].End)
            {
                return true;
            }
        }

        return false;
    }
}
