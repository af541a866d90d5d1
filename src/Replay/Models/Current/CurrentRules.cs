using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Current;

/// <summary>
/// `current`: the pfn decides whether there is a reference to take; it is held until after mmu_lock is dropped, and struct
/// page is marked at release and when the SPTE loses its bits (spec 1.1, 3.1, 4.5).
/// </summary>
public readonly struct CurrentRules : IFaultRules
{
    public static bool RemappedWritableWithoutUpgrade => false;

    public static void GupTaken(ref FaultContext fault, PageLedger pages) => fault.HoldsRef = true;

    public static bool RemappedTaken(ref FaultContext fault, PageLedger pages)
    {
        StructPage page = fault.FindStructPage(pages, fault.Pfn);
        if (!page.IsRefcounted)
        {
            fault.Warned = WarnsOfZoneDeviceTest(page);
            return true;
        }

        // get_unless_zero: this is what refuses the tail pages of a TTM block.
        if (!fault.GetsUnconditionally && page.IsCountZero)
        {
            fault.RefTryFails++;
            return false;
        }

        fault.Get(pages);
        fault.HoldsRef = true;
        return true;
    }

    public static void ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages) => Release(ref fault, pages);

    public static void Finish(ref FaultContext fault, PageLedger pages) => Release(ref fault, pages);

    public static bool ReadOnlyFaultIsKept(in FaultContext fault, StructPage page) => true;

    public static ulong LeafBits(in FaultContext fault) => 0;

    public static PageMarks BitsLost(PageLedger pages, ulong spte, bool isShadow, bool accessed, bool dirty)
    {
        ulong pfn = SpteLayout.Pfn(spte);
        PageMarks looked = accessed || dirty ? PageMarks.Checked : PageMarks.None;
        return pages.Kind(pfn).StructPage().IsAdTracked ? looked | Mark(pages, pfn, accessed, dirty) : looked;
    }

    /// <summary>kvm_release_pfn_clean: marks the page accessed, also when it was not used (B14).</summary>
    internal static void Release(ref FaultContext fault, PageLedger pages)
    {
        // The release asks once more what the pfn is, whatever the lookup found.
        fault.MemmapChecks += fault.Slot.Exists ? (byte)1 : (byte)0;
        if (fault.HoldsRef)
        {
            fault.MarkAccessed(pages, fault.ReleasePfn);
            fault.Put(pages, fault.ReleasePfn);
            fault.HoldsRef = false;
        }
    }

    /// <summary>Rule 4 of spec 1.1: asked about a page without a count, the zone-device test warns.</summary>
    internal static bool WarnsOfZoneDeviceTest(StructPage page) => page.Valid && page.Reserved && !page.ZeroPage && page.Count == 0;

    internal static PageMarks Mark(PageLedger pages, ulong pfn, bool accessed, bool dirty)
    {
        ulong folio = pages.Folio(pfn);
        PageMarks marks = accessed || dirty ? PageMarks.Line : PageMarks.None;
        if (accessed)
        {
            pages.MarkAccessed(folio);
            marks |= PageMarks.Accessed;
        }

        if (dirty)
        {
            pages.MarkDirty(folio);
            marks |= PageMarks.Dirty;
        }

        return marks;
    }
}
