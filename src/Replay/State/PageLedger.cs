using System.Runtime.CompilerServices;

namespace TraceReplay.Replay.State;

/// <summary>
/// What one model has done to struct pages: the change of each page's reference count that KVM is responsible for, and
/// how often it marked the page accessed or dirty. One u64 a page.
/// </summary>
public sealed class PageLedger
{
    private const int KindShift = 57;
    private const int OrderShift = 52;
    private const int DeltaShift = 36;
    private const int DirtyShift = 18;
    private const ulong CountMask = (1UL << 18) - 1;
    private const ulong DeltaMask = 0xffff;
    private const ulong LearnedMask = ulong.MaxValue << OrderShift;
    private const ulong FreePage = (ulong)PageKind.Free << KindShift;

    // In an entry of a block: some page below was found by itself since.
    private const ulong LearnedBelow = 1;

    private readonly RadixTable _pages = new();

    // What a lookup through a huge leaf learned of all its pages, by level - 2 and pfn >> order.
    private readonly RadixTable[] _blocks = [new(), new()];
    private bool _anyBlock;

    /// <summary>Remembers what a lookup learned of the page; later decisions about the pfn start from it.</summary>
    /// <param name="pfn">The frame that was found.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="folioOrder">Order of the folio that it is part of: the head carries the reference count.</param>
    /// <param name="level">Level of the leaf through which it was found; what is learned holds for all of the leaf's pages.</param>
    public void SetKind(ulong pfn, PageKind kind, int folioOrder = 0, int level = 1)
    {
        ulong learned = ((ulong)kind << KindShift) | ((ulong)folioOrder << OrderShift);
        if (level <= 1)
        {
            // Allocated anew: what its former life left behind is gone.
            ref ulong own = ref _pages.At(pfn);
            ulong counts = KindOf(Learned(pfn, own)) == PageKind.Free ? 0 : own & ~LearnedMask;
            own = counts | learned;
        }
        else if (_blocks[level - 2][pfn >> Levels.Order(level)] != learned)
        {
            ulong start = pfn & ~(Levels.Pages(level) - 1);
            Unlearn pages = default;
            _pages.ForEach(start, start + Levels.Pages(level), ref pages);
            if (level == 3)
            {
                Forget blocks = default;
                _blocks[0].ForEach(start >> Levels.Order(2), (start + Levels.Pages(3)) >> Levels.Order(2), ref blocks);
            }

            _blocks[level - 2][pfn >> Levels.Order(level)] = learned;
            _anyBlock = true;
        }

        for (int above = Math.Max(level, 1) + 1; _anyBlock && above <= 3; above++)
        {
            ulong index = pfn >> Levels.Order(above);
            ulong block = _blocks[above - 2][index];
            _blocks[above - 2][index] = block == 0 ? 0 : block | LearnedBelow;
        }
    }

    /// <summary>The page that carries the reference count and the flags: the head of a compound page, else the page itself.</summary>
    public ulong Folio(ulong pfn) => FolioOf(pfn, Learned(pfn, _pages[pfn]));

    public PageKind Kind(ulong pfn) => KindOf(Learned(pfn, _pages[pfn]));

    /// <summary>Gets minus puts by KVM; not zero after a fault means that one was lost or put twice.</summary>
    public int Delta(ulong pfn) => DeltaOf(_pages[pfn]);

    public int AccessedMarks(ulong pfn) => (int)(_pages[pfn] & CountMask);

    public int DirtyMarks(ulong pfn) => (int)((_pages[pfn] >> DirtyShift) & CountMask);

    /// <summary>page_count() as this model would find it now: a compound page has its head's.</summary>
    public int Count(ulong pfn) => Count(pfn, out _);

    /// <summary>page_count() and the page's kind, with one look at its entry.</summary>
    public int Count(ulong pfn, out PageKind kind) => Count(pfn, _pages[pfn], out kind);

    // Inlined by order here too: asked for at each get, put and mark.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Count(ulong pfn, ulong own, out PageKind kind)
    {
        ulong learned = Learned(pfn, own);
        ulong folio = FolioOf(pfn, learned);
        kind = KindOf(learned);
        return kind.StructPage().Count + DeltaOf(folio == pfn ? own : _pages[folio]);
    }

    /// <summary>The owner gave [pfn, pfn + pages) back; what KVM still holds is on top of a count of 0.</summary>
    public void Free(ulong pfn, ulong pages)
    {
        Learn free = new() { Learned = FreePage };
        _pages.ForEach(pfn, pfn + pages, ref free);
        _blocks[0].ForEach(pfn >> Levels.Order(2), (pfn + pages) >> Levels.Order(2), ref free);
        _blocks[1].ForEach(pfn >> Levels.Order(3), (pfn + pages) >> Levels.Order(3), ref free);
    }

    /// <summary>The struct page as this model would find it now.</summary>
    public StructPage StructPage(ulong pfn)
    {
        int count = Count(pfn, out PageKind kind);
        return kind.StructPage().With(count);
    }

    /// <summary>Takes a reference on the page's folio, with one look at its entry.</summary>
    /// <returns>The folio, and what its count was.</returns>
    public (ulong Folio, int Count) Get(ulong pfn)
    {
        ref ulong own = ref _pages.At(pfn);
        ulong learned = Learned(pfn, own);
        ulong folio = FolioOf(pfn, learned);
        ref ulong head = ref folio == pfn ? ref own : ref _pages.At(folio);
        int count = KindOf(learned).StructPage().Count + DeltaOf(head);
        head = Changed(head, 1);
        return (folio, count);
    }

    /// <summary>Puts the reference on a folio. The count and the kind of one of its pages are as after that.</summary>
    public int Put(ulong folio, ulong pfn, out PageKind kind)
    {
        ref ulong head = ref _pages.At(folio);
        head = Changed(head, -1);
        return Count(pfn, folio == pfn ? head : _pages[pfn], out kind);
    }

    public void MarkAccessed(ulong pfn)
    {
        ref ulong entry = ref _pages.At(pfn);
        entry += (entry & CountMask) == CountMask ? 0UL : 1;
    }

    public void MarkDirty(ulong pfn)
    {
        ref ulong entry = ref _pages.At(pfn);
        entry += ((entry >> DirtyShift) & CountMask) == CountMask ? 0UL : 1UL << DirtyShift;
    }

    // A count that would run over stays, rather than run into its neighbour.
    private static ulong Changed(ulong entry, int change) =>
        (entry & ~(DeltaMask << DeltaShift)) | ((ulong)(ushort)Math.Clamp(DeltaOf(entry) + change, short.MinValue, short.MaxValue) << DeltaShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Learned(ulong pfn, ulong own)
    {
        ulong learned = own & LearnedMask;
        return learned != 0 || !_anyBlock ? learned : LearnedOfBlock(pfn);
    }

    // Apart: only where huge leaves were looked up through.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong LearnedOfBlock(ulong pfn)
    {
        ulong block = _blocks[0][pfn >> Levels.Order(2)];
        return block != 0 ? block : _blocks[1][pfn >> Levels.Order(3)];
    }

    private static ulong FolioOf(ulong pfn, ulong learned) => pfn & (ulong.MaxValue << (int)((learned >> OrderShift) & 31));

    private static PageKind KindOf(ulong learned) => (PageKind)(learned >> KindShift);

    // In two's complement, so that an entry that nobody wrote says 0.
    private static int DeltaOf(ulong entry) => (short)(entry >> DeltaShift);

    /// <summary>The pages are a block's now; a page that was free begins anew.</summary>
    private struct Unlearn : IEntryVisitor
    {
        public readonly void Visit(ulong index, ref ulong entry) => entry = (entry & LearnedMask) == FreePage ? 0 : entry & ~LearnedMask;
    }

    /// <summary>Replaces what was learned; the counts stay.</summary>
    private struct Learn : IEntryVisitor
    {
        public ulong Learned;

        public readonly void Visit(ulong index, ref ulong entry) => entry = (entry & ~LearnedMask) | Learned;
    }

    private struct Forget : IEntryVisitor
    {
        public readonly void Visit(ulong index, ref ulong entry) => entry = 0;
    }
}
