namespace TraceReplay.Replay.Cost;

/// <summary>
/// The operations of spec section 12 that a model counts. Locks are counted in atomic read-modify-writes, so taking and
/// dropping one is 2; walks in loads of page-table entries.
/// </summary>
public enum CostOperation : byte
{
    /// <summary>Steps to find the memslot: 1 if it is the one found last, else log2 of their number.</summary>
    SlotLookup,

    /// <summary>Load of mmu_invalidate_seq with its barrier.</summary>
    SeqLoad,

    /// <summary>Loads of the two checks without lock, 2 each.</summary>
    PrecheckLoad,

    /// <summary>Loads of the check under mmu_lock: 2, and 2 more for the range while a window is open.</summary>
    StaleLoad,

    /// <summary>Host page-table loads of fast get_user_pages, interrupts off.</summary>
    WalkFast,

    /// <summary>Host page-table loads of slow get_user_pages.</summary>
    WalkSlow,

    /// <summary>Host page-table loads to follow a remapped leaf.</summary>
    WalkRemapped,

    /// <summary>Host page-table loads that find the level of the host's mapping.</summary>
    WalkLevel,

    /// <summary>Loads of the walk down the second-level tables: TDP, stage 2.</summary>
    WalkTdp,

    /// <summary>mmap_lock, for reading.</summary>
    MmapLock,

    VmaLookup,

    /// <summary>Page-table locks taken.</summary>
    PageTableLock,

    /// <summary>handle_mm_fault by slow get_user_pages: the page was not there.</summary>
    HostFault,

    /// <summary>fixup_user_fault: the driver's fault handler, its dma_resv lock, up to 16 insertions.</summary>
    DriverFault,

    /// <summary>The extra lookup that only asks whether the page is poisoned.</summary>
    PoisonLookup,

    RefGet,
    RefPut,

    /// <summary>Of <see cref="RefPut"/>: inside the lookup.</summary>
    RefPutInLookup,

    /// <summary>Of <see cref="RefPut"/>: while mmu_lock is held.</summary>
    RefPutLocked,

    /// <summary>get_page_unless_zero found a count of 0.</summary>
    RefTryFail,

    /// <summary>From pfn to struct page: is there a memmap, is the page reserved.</summary>
    MemmapCheck,

    /// <summary>Different struct page cache lines touched.</summary>
    PageLine,

    MarkAccessed,
    MarkDirty,

    /// <summary>Of the marks: while mmu_lock is held.</summary>
    MarkLocked,

    /// <summary>mmu_lock, for reading.</summary>
    MmuLockRead,

    /// <summary>mmu_lock, for writing.</summary>
    MmuLockWrite,

    /// <summary>The spinlock that counts the notifier windows.</summary>
    NotifierLock,

    /// <summary>The pfn caches' own sequence moves.</summary>
    PfnCacheSeq,

    SpteCas,

    /// <summary>SPTE or stage-2 leaf written, by exchange or store; 2 where a present one is broken before the new one is made.</summary>
    SpteStore,

    /// <summary>Bit cleared in an SPTE, atomically.</summary>
    SpteClear,

    /// <summary>x86: page flag read to choose the memory type.</summary>
    MemtypeFlag,

    /// <summary>x86: PAT and e820 searched to choose the memory type: no memmap.</summary>
    MemtypeSearch,

    /// <summary>Entry in the memslot's dirty log.</summary>
    SlotDirty,

    /// <summary>Flush of the guest's TLB entries, or on arm64 a TLBI: one for each leaf that is zapped, broken or gets more permissions.</summary>
    TlbFlush,
    Retry,
    AsyncFault,
}

/// <summary>Facts about <see cref="CostOperation"/>.</summary>
public static class CostOperations
{
    /// <summary>Levels of a page table, host and second level: four-level paging. The trace does not tell it.</summary>
    public const int Depth = 4;

    public static int Count { get; } = Enum.GetValues<CostOperation>().Length;

    /// <summary>Names of columns, by operation: snake_case.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Enum.GetNames<CostOperation>().Select(SnakeCase)];

    private static string SnakeCase(string name) => string.Concat(name.Select((c, i) => char.IsUpper(c) && i > 0 ? "_" + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));
}
