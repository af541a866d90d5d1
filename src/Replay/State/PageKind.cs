namespace TraceReplay.Replay.State;

/// <summary>Kinds of host page (spec 8.2). The names are the spec's row keys.</summary>
public enum PageKind : byte
{
    /// <summary>Nothing was recorded that tells the kind.</summary>
    Unknown = 0,

    /// <summary>Reached through get_user_pages; anonymous or file, the trace does not say which.</summary>
    Gup,
    A1,
    A2,
    A3,
    F1,
    D1,
    P0,
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P7,

    /// <summary>A tail page of such a block, refcount 0: P7 as well to the reader.</summary>
    P7Tail,
    P8,
    P9,

    /// <summary>PFNMAP page that has a struct page and a count: shmem GEM, vgem, udmabuf.</summary>
    P10,
    Pz,
    G1,

    /// <summary>No VMA, or one that forbids the access.</summary>
    N,
    S,
    H,

    /// <summary>No memslot: MMIO.</summary>
    NoSlot,

    /// <summary>Given back to the page allocator.</summary>
    Free,
}

/// <summary>What <c>struct page</c> says about a pfn (spec 1.1, 8.2).</summary>
/// <param name="Valid">There is a memmap for the pfn.</param>
/// <param name="Reserved">PG_reserved.</param>
/// <param name="Count">page_count(): of the folio for compound pages, of the page itself otherwise; a lower bound unless known.</param>
/// <param name="CountKnown">Nobody whom KVM does not see holds references beyond <paramref name="Count"/>.</param>
/// <param name="ZeroPage">It is the zero page: reserved, and refcounted all the same (spec 1.1, rule 3).</param>
public readonly record struct StructPage(bool Valid, bool Reserved, int Count, bool CountKnown = false, bool ZeroPage = false)
{
    /// <summary>refcounted_page_of (spec 1.1) is not NULL.</summary>
    public bool IsRefcounted => Valid && (!Reserved || ZeroPage);

    /// <summary>get_page_unless_zero fails; v11's test before marks, too.</summary>
    public bool IsCountZero => CountKnown && Count == 0;

    /// <summary>ad_tracked (spec 1.1).</summary>
    public bool IsAdTracked => Valid && !Reserved;
}

/// <summary>The facts that follow from a page's kind alone.</summary>
public static class PageKinds
{
    /// <summary>The kind as tables spell it: the spec's key, or GUP, NOSLOT, NULL for unknown.</summary>
    public static string? Key(this PageKind kind) => kind switch
    {
        PageKind.Unknown => null,
        PageKind.Gup => "GUP",
        PageKind.NoSlot => "NOSLOT",
        PageKind.Free => "FREE",
        PageKind.P7Tail => "P7",
        _ => kind.ToString(),
    };

    // Asked several times for each fault: a table costs a load, the switch a chain of jumps.
    private static readonly StructPage[] s_structPages = [.. Enumerable.Range(0, 256).Select(kind => Facts((PageKind)kind))];

    /// <summary>What page_count() and friends report for the kind while nobody in KVM holds it (spec 8.2).</summary>
    public static StructPage StructPage(this PageKind kind) => s_structPages[(byte)kind];

    private static StructPage Facts(PageKind kind) => kind switch
    {
        PageKind.P0 or PageKind.P5 or PageKind.H or PageKind.P1 => new(Valid: false, Reserved: false, Count: 0),
        PageKind.P4 or PageKind.P7Tail or PageKind.Free => new(Valid: true, Reserved: false, Count: 0, CountKnown: true),
        PageKind.P2 or PageKind.P3 or PageKind.P7 => new(Valid: true, Reserved: false, Count: 1, CountKnown: true),
        PageKind.A3 => new(Valid: true, Reserved: true, Count: 1, ZeroPage: true),
        PageKind.Pz => new(Valid: true, Reserved: true, Count: 0, CountKnown: true),
        PageKind.N or PageKind.NoSlot or PageKind.Unknown => new(Valid: false, Reserved: false, Count: 0),
        _ => new(Valid: true, Reserved: false, Count: 1),
    };

    /// <summary>A driver put the page into the page table by pfn.</summary>
    public static bool IsRemapped(this PageKind kind) => kind is >= PageKind.P0 and <= PageKind.Pz or PageKind.H;

    /// <summary>One phrase for people: what such a page is.</summary>
    public static string Describe(this PageKind kind) => kind switch
    {
        PageKind.Gup => "page that get_user_pages returned",
        PageKind.A1 => "anonymous page",
        PageKind.A2 => "transparent huge or hugetlb page",
        PageKind.A3 => "shared zero page",
        PageKind.F1 => "page cache page",
        PageKind.D1 => "FSDAX page",
        PageKind.P0 => "MMIO page without struct page",
        PageKind.P1 => "RAM hidden from the kernel",
        PageKind.P2 => "order-0 TTM page",
        PageKind.P3 => "head of a non-compound TTM block",
        PageKind.P4 => "tail page (refcount 0) of a non-compound TTM block",
        PageKind.P5 => "TTM buffer in VRAM, no struct page",
        PageKind.P6 => "compound driver page",
        PageKind.P7 => "page of a non-compound driver block",
        PageKind.P7Tail => "tail page (refcount 0) of a non-compound driver block",
        PageKind.P8 => "page put there by vm_insert_page",
        PageKind.P9 => "kernel page mapped by a driver",
        PageKind.P10 => "PFNMAP page with a counted struct page (shmem or udmabuf buffer)",
        PageKind.Pz => "reserved page with refcount 0",
        PageKind.G1 => "guest_memfd page",
        PageKind.N => "no usable VMA",
        PageKind.S => "secretmem page",
        PageKind.H => "huge PFNMAP leaf",
        PageKind.NoSlot => "address without memslot",
        PageKind.Free => "freed page",
        _ => "page of unknown kind",
    };
}
