using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <summary>What KVM did to one struct page, or to the head of a folio.</summary>
public sealed class Page
{
    public int Delta { get; set; }

    public int Accessed { get; set; }

    public int Dirty { get; set; }
}

/// <summary>What struct page says (spec 8.2). Count is null where the table says ">= 1": somebody KVM does not see holds it.</summary>
public sealed record StructPageFacts(bool Memmap, bool Reserved, int? Count)
{
    public static StructPageFacts Of(PageKind kind) => kind switch
    {
        PageKind.P0 or PageKind.P1 or PageKind.P5 or PageKind.H => new(false, false, null),
        PageKind.N or PageKind.NoSlot or PageKind.Unknown => new(false, false, null),
        PageKind.A3 => new(true, true, null),
        PageKind.Pz => new(true, true, 0),
        PageKind.P2 or PageKind.P3 or PageKind.P7 => new(true, false, 1),
        PageKind.P4 or PageKind.P7Tail or PageKind.Free => new(true, false, 0),
        _ => new(true, false, null),
    };
}

/// <summary>Physical pages: allocations, and what lookups learned of them.</summary>
public sealed class Pages
{
    private readonly List<(ulong First, ulong Count, PageKind Kind, ulong Folio)> _learned = [];
    private readonly List<(ulong Base, int Order, bool Compound)> _blocks = [];
    private readonly Dictionary<ulong, ulong> _placement = [];

    public Dictionary<ulong, Page> ByPfn { get; } = [];

    public void Allocate(ulong pfn, int order, bool compound)
    {
        if (order > 0)
        {
            _blocks.Add((pfn, order, compound));
        }
    }

    /// <summary>The owner gave the pages back: nobody but KVM may hold one any more.</summary>
    public void Free(ulong pfn, int order)
    {
        _blocks.RemoveAll(block => block.Base == pfn);
        _learned.Add((pfn, 1UL << order, PageKind.Free, 1));
    }

    public void Place(ulong bo, ulong memoryType) => _placement[bo] = memoryType;

    public (ulong Base, int Order, bool Compound)? BlockOf(ulong pfn)
    {
        int found = _blocks.FindIndex(block => pfn >= block.Base && pfn < block.Base + (1UL << block.Order));
        return found < 0 ? null : _blocks[found];
    }

    /// <summary>TTM_PL_VRAM is 2, what lies above is the driver's own (spec 8.1).</summary>
    public bool InVram(ulong bo) => _placement.GetValueOrDefault(bo) >= 2;

    /// <summary>A lookup showed what the frames [first, first + count) are; later lookups know better.</summary>
    public void Learn(ulong first, ulong count, PageKind kind, ulong folio)
    {
        // A page that was free is another page now.
        foreach (ulong pfn in ByPfn.Keys.Where(pfn => pfn >= first && pfn < first + count && Kind(pfn) == PageKind.Free).ToList())
        {
            ByPfn.Remove(pfn);
        }

        _learned.Add((first, count, kind, folio));
    }

    public PageKind Kind(ulong pfn) => Learned(pfn).Kind;

    /// <summary>The page that carries reference count and flags: the folio's head.</summary>
    public ulong Head(ulong pfn) => pfn / Learned(pfn).Folio * Learned(pfn).Folio;

    public Page At(ulong pfn)
    {
        if (!ByPfn.TryGetValue(pfn, out Page? page))
        {
            ByPfn.Add(pfn, page = new Page());
        }

        return page;
    }

    /// <summary>refcounted_page_of (spec 1.1) is not NULL.</summary>
    public bool HasRefcountedPage(ulong pfn)
    {
        StructPageFacts facts = StructPageFacts.Of(Kind(pfn));
        bool zeroPage = Kind(pfn) == PageKind.A3;
        return facts.Memmap && (!facts.Reserved || zeroPage);
    }

    /// <summary>get_page_unless_zero would succeed.</summary>
    public bool CountIsNotZero(ulong pfn) => StructPageFacts.Of(Kind(pfn)).Count is not { } count || count + At(Head(pfn)).Delta != 0;

    /// <summary>ad_tracked (spec 1.1); v11 adds the count.</summary>
    public bool IsAdTracked(ulong pfn, Series series)
    {
        StructPageFacts facts = StructPageFacts.Of(Kind(pfn));
        return facts.Memmap && !facts.Reserved && (series != Series.V11 || CountIsNotZero(pfn));
    }

    private (PageKind Kind, ulong Folio) Learned(ulong pfn)
    {
        int found = _learned.FindLastIndex(fact => pfn >= fact.First && pfn < fact.First + fact.Count);
        return found < 0 ? (PageKind.Unknown, 1) : (_learned[found].Kind, _learned[found].Folio);
    }
}
