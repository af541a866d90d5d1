using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>
/// What differs between the models (spec 3, step R4, and 3.1): who holds which reference when, and which struct page is
/// marked where. Static, so that the skeleton calls it directly.
/// </summary>
public interface IFaultRules
{
    /// <summary>get_user_pages returned a page and its reference (already counted).</summary>
    static abstract void GupTaken(ref FaultContext fault, PageLedger pages);

    /// <summary>The reference is dropped in the lookup by design; an SPTE bit remembers that there was one.</summary>
    static virtual bool ReleasesInLookup => false;

    /// <summary>Struct pages are marked while mmu_lock is held, by rule.</summary>
    static virtual bool MarksUnderLock => false;

    /// <summary><see cref="Finish"/> runs while mmu_lock is held.</summary>
    static virtual bool FinishesUnderLock => false;

    /// <summary>A page that is mapped ahead is marked accessed and dirty.</summary>
    static virtual bool MarksPrefetched => false;

    /// <summary>arm64: a fault that only sets the access flag marks its page accessed.</summary>
    static virtual bool MarksAtAccessFlag => false;

    /// <summary>R4: a remapped page was found. False: the lookup fails with ERR_FAULT.</summary>
    static abstract bool RemappedTaken(ref FaultContext fault, PageLedger pages);

    /// <summary>R3: whether a writable remapped leaf counts as writable when no writable mapping was asked for.</summary>
    static abstract bool RemappedWritableWithoutUpgrade { get; }

    /// <summary>A write met a present read-only leaf: whether the lookup still says RO_FAULT at its end.</summary>
    static abstract bool ReadOnlyFaultIsKept(in FaultContext fault, StructPage page);

    /// <summary>The check after the lookup says retry.</summary>
    static abstract void ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages);

    /// <summary>The fault is over; it may have ended in RETRY.</summary>
    static abstract void Finish(ref FaultContext fault, PageLedger pages);

    /// <summary>Bits that the model adds to a leaf.</summary>
    static abstract ulong LeafBits(in FaultContext fault);

    /// <summary>A leaf lost its accessed or dirty bit: zapped, replaced or cleaned (spec 4.5).</summary>
    /// <param name="pages">The model's pages.</param>
    /// <param name="spte">The leaf before.</param>
    /// <param name="isShadow">The leaf is shadow paging's.</param>
    /// <param name="accessed">It lost its accessed bit.</param>
    /// <param name="dirty">It lost its dirty bit.</param>
    /// <returns>What was done to the leaf's struct page.</returns>
    static abstract PageMarks BitsLost(PageLedger pages, ulong spte, bool isShadow, bool accessed, bool dirty);
}
