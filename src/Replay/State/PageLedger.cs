namespace TraceReplay.Replay.State;

/// <summary>
/// What one model has done to struct pages: the change of each page's reference count that KVM is responsible for, and
/// how often it marked the page accessed or dirty. One u64 a page.
/// </summary>
public sealed class PageLedger
{
    private const int KindShift = 56;
    private const int DeltaShift = 40;
    private const int DirtyShift = 20;
    private const ulong CountMask = (1UL << 20) - 1;
    private const int DeltaBias = 1 << 15;

    private readonly RadixTable _pages = new();

    /// <summary>Remembers what a lookup learned of the page; later decisions about the pfn start from it.</summary>
    public void SetKind(ulong pfn, PageKind kind)
    {
        // Allocated anew: what its former life left behind is gone.
        ulong entry = Kind(pfn) == PageKind.Free ? (ulong)DeltaBias << DeltaShift : Entry(pfn);
        _pages[pfn] = (entry & ~(0xffUL << KindShift)) | ((ulong)kind << KindShift);
    }

    /// <summary>
    /// The page that carries the reference count: the head of a compound page, taken as 2 MiB for the kinds that have no
    /// recorded order; every other page counts for itself.
    /// </summary>
    public ulong Folio(ulong pfn) => Kind(pfn) == PageKind.A2 ? pfn & ~511UL : pfn;

    public PageKind Kind(ulong pfn) => (PageKind)(_pages[pfn] >> KindShift);

    /// <summary>Gets minus puts by KVM; not zero after a fault means that one was lost or put twice.</summary>
    public int Delta(ulong pfn) => (int)((Entry(pfn) >> DeltaShift) & 0xffff) - DeltaBias;

    public int AccessedMarks(ulong pfn) => (int)(_pages[pfn] & CountMask);

    public int DirtyMarks(ulong pfn) => (int)((_pages[pfn] >> DirtyShift) & CountMask);

    /// <summary>page_count() as this model would find it now: a compound page has its head's.</summary>
    public int Count(ulong pfn) => Kind(pfn).StructPage().Count + Delta(Folio(pfn));

    /// <summary>The owner gave [pfn, pfn + pages) back; what KVM still holds is on top of a count of 0.</summary>
    public void Free(ulong pfn, ulong pages)
    {
        FreeVisitor visitor = default;
        _pages.ForEach(pfn, pfn + pages, ref visitor);
    }

    /// <summary>The struct page as this model would find it now.</summary>
    public StructPage StructPage(ulong pfn)
    {
        StructPage page = Kind(pfn).StructPage();
        return page with { Count = page.Count + Delta(pfn) };
    }

    public void Get(ulong pfn) => _pages[pfn] = Entry(pfn) + (1UL << DeltaShift);

    public void Put(ulong pfn) => _pages[pfn] = Entry(pfn) - (1UL << DeltaShift);

    public void MarkAccessed(ulong pfn)
    {
        ulong entry = Entry(pfn);
        _pages[pfn] = (entry & CountMask) == CountMask ? entry : entry + 1;
    }

    public void MarkDirty(ulong pfn)
    {
        ulong entry = Entry(pfn);
        _pages[pfn] = ((entry >> DirtyShift) & CountMask) == CountMask ? entry : entry + (1UL << DirtyShift);
    }

    private struct FreeVisitor : IEntryVisitor
    {
        public readonly void Visit(ulong index, ref ulong entry) => entry = (entry & ~(0xffUL << KindShift)) | ((ulong)PageKind.Free << KindShift);
    }

    private ulong Entry(ulong pfn)
    {
        ulong entry = _pages[pfn];
        return entry == 0 ? (ulong)DeltaBias << DeltaShift : entry;
    }
}
