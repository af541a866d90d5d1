namespace TraceReplay.Replay.State;

/// <summary>
/// What is known of physical pages: the blocks that the page allocator handed out with an order above 0, and where each
/// TTM buffer lies. The kind of a pfn follows from these (spec 8.2, 8.3).
/// </summary>
public sealed class HostPages
{
    /// <summary>__GFP_COMP, the same bit on 6.1, 6.12 and 7.2.</summary>
    private const ulong GfpComp = 1UL << 18;

    private const int MaxOrder = 10;
    private readonly Dictionary<ulong, Block> _blocks = [];
    private readonly Dictionary<ulong, bool> _boInVram = [];

    /// <summary>Blocks of order above 0 without __GFP_COMP whose allocation was seen.</summary>
    public long NonCompoundBlocks { get; private set; }

    /// <summary>kmem:mm_page_alloc.</summary>
    public void Allocate(ulong pfn, int order, ulong gfpFlags)
    {
        if (order is <= 0 or > MaxOrder)
        {
            return;
        }

        // Frees of order 0 are often not recorded: what the new block overlaps is gone all the same.
        for (ulong stale = pfn; stale < pfn + (1UL << order); stale += 2)
        {
            _blocks.Remove(stale);
        }

        bool compound = (gfpFlags & GfpComp) != 0;
        _blocks[pfn] = new Block(order, compound);
        NonCompoundBlocks += compound ? 0 : 1;
    }

    /// <summary>kmem:mm_page_free.</summary>
    public void Free(ulong pfn) => _blocks.Remove(pfn);

    /// <summary>A finished move of a buffer object: TTM_PL_SYSTEM 0, TTM_PL_TT 1, VRAM 2 and driver-private places above.</summary>
    public void PlaceBo(ulong bo, uint memoryType) => _boInVram[bo] = memoryType >= 2;

    /// <summary>The allocation that holds <paramref name="pfn"/>: its base and order, or order 0 if none above 0 was seen.</summary>
    public (ulong Base, int Order, bool Compound) BlockOf(ulong pfn)
    {
        for (int order = 1; order <= MaxOrder; order++)
        {
            ulong start = pfn & ~((1UL << order) - 1);
            if (_blocks.TryGetValue(start, out Block block) && block.Order >= order)
            {
                return (start, block.Order, block.Compound);
            }
        }

        return (pfn, 0, false);
    }

    /// <summary>Kind of a page that a driver put into the page table by pfn.</summary>
    /// <param name="pfn">The frame.</param>
    /// <param name="bo">The TTM buffer object behind the VMA; 0 if it is not a TTM mapping.</param>
    /// <param name="certainty">Whether the kind was recorded or inferred.</param>
    public PageKind KindOfRemapped(ulong pfn, ulong bo, out Certainty certainty)
    {
        (ulong start, int order, bool compound) = BlockOf(pfn);
        if (order > 0)
        {
            certainty = Certainty.Known;
            if (compound)
            {
                return PageKind.P6;
            }

            return bo == 0 ? PageKind.P7 : pfn == start ? PageKind.P3 : PageKind.P4;
        }

        if (bo != 0)
        {
            if (_boInVram.TryGetValue(bo, out bool inVram))
            {
                certainty = inVram ? Certainty.Known : Certainty.Inferred;
                return inVram ? PageKind.P5 : PageKind.P2;
            }

            certainty = Certainty.Assumed;
            return PageKind.P2;
        }

        certainty = Certainty.Inferred;
        return PageKind.P0;
    }

    private readonly record struct Block(int Order, bool Compound);
}

/// <summary>How a fact came about. A verdict is as certain as the least certain fact it rests on.</summary>
public enum Certainty : byte
{
    Known,
    Inferred,
    Assumed,
}
