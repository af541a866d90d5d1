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

    /// <summary>Page allocations of order above 0 are recorded; a block that was not seen has order 0.</summary>
    public bool OrdersRecorded { get; set; } = true;

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

    /// <summary>split_page: the pages of the block at <paramref name="pfn"/> count for themselves. Returns how many there are.</summary>
    public ulong Split(ulong pfn) => _blocks.Remove(pfn, out Block block) ? 1UL << block.Order : 0;

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
    /// <param name="isRam">Whether the kernel took the frame for its own memory; null where nothing says it.</param>
    /// <param name="vma">The mapping, with the TTM buffer object behind it if there is one.</param>
    /// <param name="hva">Where the page lies in it.</param>
    /// <param name="order">Order of the block that holds it, 0 if none is known.</param>
    /// <param name="certainty">Whether the kind was recorded or inferred.</param>
    public PageKind KindOfRemapped(ulong pfn, bool? isRam, Vma? vma, ulong hva, out int order, out Certainty certainty)
    {
        ulong bo = vma?.Bo ?? 0;
        (ulong start, order, bool compound) = BlockOf(pfn);
        if (vma is not null && vma.Kind.IsRemapped())
        {
            certainty = Certainty.Known;
            return vma.Kind;
        }

        if (order > 0)
        {
            certainty = Certainty.Known;
            if (compound)
            {
                return PageKind.P6;
            }

            return (bo == 0, pfn == start) switch
            {
                (true, true) => PageKind.P7,
                (true, false) => PageKind.P7Tail,
                (false, true) => PageKind.P3,
                (false, false) => PageKind.P4,
            };
        }

        if (bo != 0)
        {
            bool placed = _boInVram.TryGetValue(bo, out bool inVram);
            if (inVram)
            {
                certainty = Certainty.Known;
                return PageKind.P5;
            }

            certainty = placed && OrdersRecorded ? Certainty.Inferred : Certainty.Assumed;
            return OrdersRecorded ? PageKind.P2 : KindByAllocationOrder(pfn, vma!, hva);
        }

        // Drivers of device memory make their mappings VM_IO (remap_pfn_range does); shmem's are VM_PFNMAP alone.
        certainty = isRam is null ? Certainty.Inferred : Certainty.Known;
        bool ram = isRam ?? (vma is not null && (vma.Flags & (VmaFlags.PfnMap | VmaFlags.Io)) == VmaFlags.PfnMap);
        return ram ? PageKind.P10 : PageKind.P0;
    }

    /// <summary>
    /// TTM takes the highest order first (spec 8.4), so a buffer of n pages falls into blocks as the bits of n do; a pfn that
    /// is not aligned as its block would be belongs to a smaller one.
    /// </summary>
    private static PageKind KindByAllocationOrder(ulong pfn, Vma vma, ulong hva)
    {
        ulong index = (hva - vma.Start) >> 12;
        ulong pages = (vma.End - vma.Start) >> 12;
        ulong start = 0;
        while (true)
        {
            int order = Math.Min(MaxOrder, System.Numerics.BitOperations.Log2(pages - start));
            ulong size = 1UL << order;
            if (index >= start + size)
            {
                start += size;
                continue;
            }

            // Halve until the pfn fits the block's alignment.
            while (order > 0 && ((pfn - (index - start)) & (size - 1)) != 0)
            {
                size = 1UL << --order;
                start = index - ((index - start) & (size - 1));
            }

            return order == 0 ? PageKind.P2 : index == start ? PageKind.P3 : PageKind.P4;
        }
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
