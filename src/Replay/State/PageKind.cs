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

/// <summary>What <c>struct page</c> says about a pfn (spec 1.1, 8.2). Its facts are bits of one byte: the whole is returned in a register.</summary>
public readonly struct StructPage
{
    internal const byte ValidFact = 1;
    internal const byte ReservedFact = 2;
    internal const byte CountKnownFact = 4;
    internal const byte ZeroPageFact = 8;
    private readonly byte _facts;

    internal StructPage(byte facts, int count)
    {
        _facts = facts;
        Count = count;
    }

    /// <summary>There is a memmap for the pfn.</summary>
    public bool Valid => (_facts & ValidFact) != 0;

    /// <summary>PG_reserved.</summary>
    public bool Reserved => (_facts & ReservedFact) != 0;

    /// <summary>page_count(): of the folio for compound pages, of the page itself otherwise; a lower bound unless known.</summary>
    public int Count { get; }

    /// <summary>Nobody whom KVM does not see holds references beyond <see cref="Count"/>.</summary>
    public bool CountKnown => (_facts & CountKnownFact) != 0;

    /// <summary>It is the zero page: reserved, and refcounted all the same (spec 1.1, rule 3).</summary>
    public bool ZeroPage => (_facts & ZeroPageFact) != 0;

    /// <summary>refcounted_page_of (spec 1.1) is not NULL.</summary>
    public bool IsRefcounted => Valid && (!Reserved || ZeroPage);

    /// <summary>get_page_unless_zero fails; v11's test before marks, too.</summary>
    public bool IsCountZero => CountKnown && Count == 0;

    /// <summary>ad_tracked (spec 1.1).</summary>
    public bool IsAdTracked => (_facts & (ValidFact | ReservedFact)) == ValidFact;

    /// <summary>The same page with another count.</summary>
    public StructPage With(int count) => new(_facts, count);
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

    // Asked several times for each fault: a table costs a load, the switch a chain of jumps. Of bytes, so that native code holds it made.
    private static readonly byte[] s_facts = MakeFacts();

    // Beside the facts of struct page: the count while nobody in KVM holds it.
    private const int CountShift = 4;

    /// <summary>What page_count() and friends report for the kind while nobody in KVM holds it (spec 8.2).</summary>
    public static StructPage StructPage(this PageKind kind)
    {
        byte facts = s_facts[(byte)kind];
        return new(facts, facts >> CountShift);
    }

    private static byte[] MakeFacts()
    {
        byte[] facts = new byte[256];
        for (int kind = 0; kind < facts.Length; kind++)
        {
            facts[kind] = Facts((PageKind)kind);
        }

        return facts;
    }

    private static byte Facts(PageKind kind) => kind switch
    {
        PageKind.P0 or PageKind.P5 or PageKind.H or PageKind.P1 or PageKind.N or PageKind.NoSlot or PageKind.Unknown => 0,
        PageKind.P4 or PageKind.P7Tail or PageKind.Free => State.StructPage.ValidFact | State.StructPage.CountKnownFact,
        PageKind.P2 or PageKind.P3 or PageKind.P7 => State.StructPage.ValidFact | State.StructPage.CountKnownFact | (1 << CountShift),
        PageKind.A3 => State.StructPage.ValidFact | State.StructPage.ReservedFact | State.StructPage.ZeroPageFact | (1 << CountShift),
        PageKind.Pz => State.StructPage.ValidFact | State.StructPage.ReservedFact | State.StructPage.CountKnownFact,
        _ => State.StructPage.ValidFact | (1 << CountShift),
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
