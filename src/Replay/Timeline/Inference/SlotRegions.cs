using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline.Inference;

/// <summary>A mapping as the VMM's mmap call tells it; addresses in pages.</summary>
internal sealed record MmapCall(ulong Page, ulong Pages, long Seq, int Pid);

/// <summary>
/// Memslots from what they do: gfns that fault with a page lie in one, and a notifier window's hva range and the gfns that
/// are zapped inside it tell the distance between the two (spec 8.3, "slot table"). Distances are hva page minus gfn.
/// </summary>
internal sealed class SlotRegions
{
    // Windows whose zaps fit no region start a new one; a trace that is broken must not make more than these.
    private const int MaxRegions = 4096;

    private readonly List<Region> _regions = [];
    private readonly HashSet<int> _guessed = [];

    /// <summary>Inside the window [startPage, endPage) the lowest gfn zapped was first, the highest last.</summary>
    public void SeeZaps(ulong startPage, ulong endPage, ulong first, ulong last, long seq)
    {
        if (endPage - startPage < last - first + 1)
        {
            return;
        }

        ulong low = startPage - first;
        ulong high = endPage - 1 - last;
        foreach (Region region in _regions)
        {
            if (first <= region.LastGfn + Witnesses.Reach && last + Witnesses.Reach >= region.FirstGfn && low <= region.High && high >= region.Low)
            {
                region.Low = Math.Max(region.Low, low);
                region.High = Math.Min(region.High, high);
                region.FirstGfn = Math.Min(region.FirstGfn, first);
                region.LastGfn = Math.Max(region.LastGfn, last);
                return;
            }
        }

        if (_regions.Count < MaxRegions && low <= high)
        {
            _regions.Add(new Region { Low = low, High = high, FirstGfn = first, LastGfn = last, Seq = seq });
        }
    }

    /// <summary>The slot's user address is a guess: what is known of the VMM's mappings there is not known of its pages.</summary>
    public bool IsGuessed(Memslot slot) => _guessed.Contains(slot.Id);

    /// <summary>The slots, one for each run of gfns at one distance, in the order in which they were first seen.</summary>
    public List<(long Since, Memslot Slot)> Build(Witnesses witnesses, IReadOnlyList<MmapCall> calls)
    {
        List<(long Since, Memslot Slot)> slots = [];
        HashSet<MmapCall> used = [];
        int id = 0;
        ulong covered = 0;
        foreach ((ulong first, ulong end) in Runs(witnesses))
        {
            // A fault that is the only one in its 2 MiB must find the slot that its neighbours speak of, whether it left a leaf or not.
            ulong start = Math.Max(covered, BlockOf(Math.Max(first, Witnesses.Reach) - Witnesses.Reach));
            ulong stop = BlockOf(end + (2 * Witnesses.Reach) - 1);
            covered = stop;
            long seen = witnesses.FirstSeq(first);
            List<Region> regions = [.. _regions.Where(r => r.FirstGfn < end && r.LastGfn >= first).OrderBy(r => r.Seq)];
            if (regions.Exists(r => r.IsExact))
            {
                // A window that leaves a choice may have seen zaps that were not its own.
                regions.RemoveAll(r => !r.IsExact);
            }

            if (regions.Count == 0)
            {
                Add(start, stop, FromMmap(calls, used, first, end, seen) ?? FromNeighbour(first) ?? MadeUpDistance, long.MinValue, exact: false);
                continue;
            }

            // Regions side by side divide the run between them; a later one over the same gfns replaces what was there.
            List<Region> sideBySide = [];
            foreach (Region region in regions.Where(r => !sideBySide.Exists(s => s.FirstGfn <= r.LastGfn && r.FirstGfn <= s.LastGfn)))
            {
                sideBySide.Add(region);
            }

            sideBySide.Sort((a, b) => a.FirstGfn.CompareTo(b.FirstGfn));
            foreach (Region region in sideBySide.Concat(regions.Except(sideBySide)))
            {
                bool replaces = !sideBySide.Contains(region);
                int piece = Math.Max(0, sideBySide.FindLastIndex(s => s.FirstGfn <= region.FirstGfn));
                ulong from = piece == 0 ? start : sideBySide[piece].FirstGfn;
                ulong to = piece == sideBySide.Count - 1 ? stop : sideBySide[piece + 1].FirstGfn;
                Add(from, to, Distance(region, calls), replaces ? region.Seq : long.MinValue, region.IsExact);
            }
        }

        return slots;

        void Add(ulong first, ulong end, ulong distance, long since, bool exact)
        {
            MemslotFlags flags = witnesses.IsReadOnly(first, end) ? MemslotFlags.ReadOnly : MemslotFlags.None;
            if (slots is [.., (_, { } last)] && since == long.MinValue && last.EndGfn == first && last.Flags == flags && last.Hva(first) == (first + distance) << 12)
            {
                if (!exact)
                {
                    _guessed.Add(last.Id);
                }

                slots[^1] = (long.MinValue, last with { Npages = end - last.BaseGfn });
                return;
            }

            if (!exact)
            {
                _guessed.Add(0x10000 + id);
            }

            slots.Add((since, new Memslot(0, 0x10000 + id++, first, end - first, (first + distance) << 12, flags)));
        }
    }

    /// <summary>Nothing shows where a slot really ends: it is taken to fill the 2 MiB in which it is used.</summary>
    private static ulong BlockOf(ulong gfn) => gfn & ~(Witnesses.Reach - 1);

    /// <summary>An hva that no process has stands in for one that nothing shows (spec 15.4).</summary>
    public const ulong MadeUpDistance = 1UL << 50;

    /// <summary>Runs of gfns with slot testimony, no further apart than it reaches.</summary>
    private static IEnumerable<(ulong First, ulong End)> Runs(Witnesses witnesses)
    {
        ulong first = 0;
        ulong end = 0;
        foreach (ulong gfn in witnesses.Gfns.Where(gfn => witnesses.Any(gfn, w => w.Kind != WitnessKind.NoSlot)).Order())
        {
            // A run ends with its 2 MiB: what lies in the next belongs to it if it follows on.
            if (end > 0 && gfn / Witnesses.Reach > ((end - 1) / Witnesses.Reach) + 1)
            {
                yield return (first, end);
                end = 0;
            }

            first = end == 0 ? gfn : first;
            end = gfn + 1;
        }

        if (end > 0)
        {
            yield return (first, end);
        }
    }

    /// <summary>Where windows leave a choice, the one by which the run begins where a mapping does.</summary>
    private ulong Distance(Region region, IReadOnlyList<MmapCall> calls)
    {
        if (region.IsExact)
        {
            return region.Low;
        }

        if (FromNeighbour(region.FirstGfn) is { } same && same >= region.Low && same <= region.High)
        {
            return same;
        }

        foreach (MmapCall call in calls)
        {
            ulong start = BlockOf(region.FirstGfn);
            foreach (ulong distance in (ReadOnlySpan<ulong>)[call.Page - start, call.Page - region.FirstGfn])
            {
                if (distance >= region.Low && distance <= region.High && call.Page + call.Pages > region.LastGfn + distance)
                {
                    return distance;
                }
            }
        }

        return region.Low;
    }

    /// <summary>
    /// A run that no window touched: the mapping made before it that is as long as the run. A longer one would be a guess, and what is
    /// known of its pages would be taken for this run's.
    /// </summary>
    private ulong? FromMmap(IReadOnlyList<MmapCall> calls, HashSet<MmapCall> used, ulong first, ulong end, long seen)
    {
        MmapCall? best = calls.Where(call => call.Seq < seen && call.Pages == end - first && !used.Contains(call) && !IsTaken(call)).MaxBy(call => call.Seq);
        if (best is null)
        {
            return null;
        }

        used.Add(best);
        return best.Page - first;
    }

    /// <summary>Windows have shown other gfns in the mapping: two memslots seldom share memory.</summary>
    private bool IsTaken(MmapCall call) => _regions.Exists(r => r.FirstGfn + r.Low < call.Page + call.Pages && call.Page <= r.LastGfn + r.High);

    /// <summary>Memory near a region whose distance is exact is taken to belong to the same memslot.</summary>
    private ulong? FromNeighbour(ulong gfn)
    {
        const ulong near = 1UL << 15;
        Region? best = _regions.Where(r => r.IsExact && Apart(r) < near).MinBy(Apart);
        return best?.Low;

        ulong Apart(Region region) => gfn < region.FirstGfn ? region.FirstGfn - gfn : gfn > region.LastGfn ? gfn - region.LastGfn : 0;
    }

    private sealed class Region
    {
        public ulong Low;
        public ulong High;
        public ulong FirstGfn;
        public ulong LastGfn;
        public long Seq;

        public bool IsExact => Low == High;
    }
}
