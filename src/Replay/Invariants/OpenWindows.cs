namespace TraceReplay.Replay.Invariants;

/// <summary>
/// The windows of a VM counted a second time, apart from the counts that the retry protocol itself keeps: a check that reads
/// the protocol's own counts would hold whatever they say.
/// </summary>
public sealed class OpenWindows
{
    private readonly List<(ulong Start, ulong End, bool Matched)> _open = [];

    /// <summary>Windows open now that matched a memslot when they began.</summary>
    public int Matched { get; private set; }

    /// <summary>The windows in the list that matched; what a probe recorded does not change it.</summary>
    public int Listed { get; private set; }

    /// <summary>What mmu_invalidate_seq must be.</summary>
    public ulong Seq { get; private set; }

    public void Begin(ulong start, ulong end, bool matched)
    {
        _open.Add((start, end, matched));
        Matched += matched ? 1 : 0;
        Listed += matched ? 1 : 0;
    }

    /// <summary>Ends the newest window over [start, end).</summary>
    /// <returns>Whether it had matched; null if no such window was open.</returns>
    public bool? End(ulong start, ulong end)
    {
        int index = _open.FindLastIndex(window => window.Start == start && window.End == end);
        if (index < 0)
        {
            return null;
        }

        bool matched = _open[index].Matched;
        _open.RemoveAt(index);
        if (matched)
        {
            Matched--;
            Listed--;
            Seq++;
        }

        return matched;
    }

    /// <summary>Takes over what a probe recorded.</summary>
    public void Resync(int matched, ulong seq)
    {
        Matched = matched;
        Seq = seq;
    }

    /// <summary>Some open window covers the page at <paramref name="hva"/>.</summary>
    public bool Covers(ulong hva) => _open.Count > 0 && AnyCovers(hva);

    private bool AnyCovers(ulong hva)
    {
        foreach ((ulong start, ulong end, bool _) in _open)
        {
            if (hva + 4095 >= start && hva < end)
            {
                return true;
            }
        }

        return false;
    }
}
