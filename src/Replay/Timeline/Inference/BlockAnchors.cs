using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline.Inference;

/// <summary>
/// Where in the guest's memory the blocks of a driver lie. A leaf in a block that was handed out without __GFP_COMP places the
/// whole block: a driver maps it in one piece (spec 8.4), so its other pages' frames follow, and which of them are tails.
/// </summary>
internal sealed class BlockAnchors
{
    // Order 10, the largest that the allocator hands out.
    private const ulong LargestBlock = 1024;

    // Two faults are enough to place a block for any third, and for each of the two.
    private sealed record Anchor(ulong Gfn, ulong Pfn, int Order, long Since, long FirstFault)
    {
        public long OtherFault { get; set; } = -1;

        public long Until { get; set; } = long.MaxValue;

        public ulong EndGfn => Gfn + (1UL << Order);

        public bool IsHeard(long seq, long except) => Since <= seq && seq < Until && (FirstFault != except || OtherFault >= 0);
    }

    private readonly HostPages _pages = new();
    private readonly Dictionary<ulong, long> _allocated = [];
    private readonly Dictionary<(ulong Pfn, long Since), Anchor> _known = [];
    private Anchor[]? _sorted;

    /// <summary>Any block of order above 0 without __GFP_COMP was seen.</summary>
    public bool Any => _pages.NonCompoundBlocks > 0;

    public void Allocate(ulong pfn, int order, ulong gfpFlags, long seq)
    {
        _pages.Allocate(pfn, order, gfpFlags);
        _allocated[pfn] = seq;
    }

    public void Free(ulong pfn, long seq)
    {
        _pages.Free(pfn);
        if (_allocated.TryGetValue(pfn, out long since) && _known.TryGetValue((pfn, since), out Anchor? anchor))
        {
            anchor.Until = seq;
        }
    }

    /// <summary>The page of a leaf lies in a driver's block; <paramref name="fault"/> is the fault that left the leaf.</summary>
    public bool Place(ulong gfn, ulong pfn, long fault)
    {
        (ulong start, int order, bool compound) = _pages.BlockOf(pfn);
        if (order == 0 || compound || gfn < pfn - start)
        {
            return false;
        }

        (ulong, long) key = (start, _allocated[start]);
        ulong first = gfn - (pfn - start);
        if (!_known.TryGetValue(key, out Anchor? anchor) || anchor.Gfn != first)
        {
            _known[key] = new Anchor(first, start, order, _allocated[start], fault);
        }
        else if (anchor.OtherFault < 0 && anchor.FirstFault != fault)
        {
            anchor.OtherFault = fault;
        }

        return true;
    }

    /// <summary>The frame that a block placed by another fault has at <paramref name="gfn"/>; null if no block lies there.</summary>
    public ulong? PfnAt(ulong gfn, long seq, long except)
    {
        Anchor? best = null;
        Anchor[] sorted = Sorted();
        for (int i = FirstFrom(sorted, gfn < LargestBlock ? 0 : gfn - LargestBlock); i < sorted.Length && sorted[i].Gfn <= gfn; i++)
        {
            Anchor anchor = sorted[i];
            if (gfn < anchor.EndGfn && anchor.IsHeard(seq, except) && (best is null || anchor.Since > best.Since))
            {
                best = anchor;
            }
        }

        return best?.Pfn + (gfn - best?.Gfn);
    }

    /// <summary>Another block, placed by another fault, ends just before <paramref name="gfn"/>: what begins there is a head or a page of order 0.</summary>
    public bool EndsAt(ulong gfn, long seq, long except)
    {
        Anchor[] sorted = Sorted();
        for (int i = FirstFrom(sorted, gfn < LargestBlock ? 0 : gfn - LargestBlock); i < sorted.Length && sorted[i].Gfn < gfn; i++)
        {
            if (sorted[i].EndGfn == gfn && sorted[i].IsHeard(seq, except))
            {
                return true;
            }
        }

        return false;
    }

    // Called once the whole trace was read.
    private Anchor[] Sorted() => _sorted ??= [.. _known.Values.OrderBy(anchor => anchor.Gfn).ThenBy(anchor => anchor.Since)];

    private static int FirstFrom(Anchor[] sorted, ulong gfn)
    {
        int low = 0;
        int high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = sorted[middle].Gfn < gfn ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
