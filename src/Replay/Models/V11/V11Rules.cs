using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Current;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.V11;

/// <summary>
/// `v11`: every reference is dropped inside the lookup; SPTE bit 59 remembers that the page had one, and gates the marks
/// (spec 3.1, 5). Shadow paging has no such bit: there every SPTE counts as refcounted and other pages are refused.
/// </summary>
public readonly struct V11Rules : IFaultRules
{
    public static bool ReleasesInLookup => true;

    public static bool FinishesUnderLock => true;

    /// <summary>BUG-V11-3: a writable leaf counts as writable even in a READONLY slot.</summary>
    public static bool RemappedWritableWithoutUpgrade => true;

    public static void GupTaken(ref FaultContext fault, PageLedger pages)
    {
        if (fault.Caller != LookupCaller.Fault)
        {
            fault.HoldsRef = true;
            return;
        }

        fault.Put(pages, fault.LookupPfn);
        fault.Refcounted = true;
    }

    public static bool RemappedTaken(ref FaultContext fault, PageLedger pages)
    {
        StructPage page = fault.FindStructPage(pages, fault.Pfn);
        bool guarded = fault.Caller == LookupCaller.Fault || fault.AllowsUnsafe;
        if (!page.IsRefcounted)
        {
            fault.Warned = CurrentRules.WarnsOfZoneDeviceTest(page);

            // BUG-V11-8: only the x86 fault handler says that the notifier guards it.
            return guarded;
        }

        if (fault.Caller != LookupCaller.Fault)
        {
            if (page.IsCountZero)
            {
                return guarded && fault.Caller == LookupCaller.VcpuMap;
            }

            fault.Get(pages);
            fault.HoldsRef = true;
            return true;
        }

        if (!page.IsCountZero)
        {
            fault.Get(pages);
            fault.Put(pages, fault.LookupPfn);
            fault.Refcounted = true;
            return true;
        }

        fault.RefTryFails++;

        // allow_non_refcounted_struct_page is what the SPTE bit makes possible (LIM-V11-7).
        return !fault.IsShadow;
    }

    /// <summary>BUG-V11-4: the test for refcounted pages runs after the RO_FAULT was found, and overwrites it.</summary>
    public static bool ReadOnlyFaultIsKept(in FaultContext fault, StructPage page) => !fault.IsShadow || !page.IsRefcounted;

    /// <summary>BUG-V11-1: the check that 6.8 brought releases a pfn on which nothing is held.</summary>
    public static void ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages)
    {
        if (fault.FindStructPage(pages, fault.LookupPfn).IsRefcounted)
        {
            MarkAccessed(ref fault, pages);
            fault.Put(pages, fault.LookupPfn);
        }
    }

    /// <summary>Marks under mmu_lock, also on a stale retry (BUG-V11-2).</summary>
    public static void Finish(ref FaultContext fault, PageLedger pages)
    {
        if (fault.Caller != LookupCaller.Fault)
        {
            CurrentRules.Finish(ref fault, pages);
            return;
        }

        if (fault.Refcounted)
        {
            MarkAccessed(ref fault, pages);
            if (fault.Outcome == FaultOutcome.Retry)
            {
                // Nothing is held, and the window that makes the fault retry may have freed the page.
                fault.Violable |= 1UL << InvariantList.TouchLive;
            }
        }
    }

    /// <summary>Patch 1: a page without references is not marked, but warned of.</summary>
    private static void MarkAccessed(ref FaultContext fault, PageLedger pages)
    {
        if (pages.StructPage(fault.LookupPfn).IsCountZero)
        {
            fault.Violate(InvariantList.TouchLive);
        }
        else
        {
            fault.MarkAccessed(pages, fault.LookupPfn);
        }
    }

    public static ulong LeafBits(in FaultContext fault) => fault.Refcounted && !fault.IsShadow ? SpteLayout.RefcountedBit : 0;

    public static PageMarks BitsLost(PageLedger pages, ulong spte, bool isShadow, bool accessed, bool dirty)
    {
        StructPage page = pages.StructPage(SpteLayout.Pfn(spte));
        bool counts = isShadow || (spte & SpteLayout.RefcountedBit) != 0;
        if (counts && page.IsAdTracked && !page.IsCountZero)
        {
            return PageMarks.Checked | CurrentRules.Mark(pages, SpteLayout.Pfn(spte), accessed, dirty);
        }

        return counts && (accessed || dirty) ? PageMarks.Checked : PageMarks.None;
    }
}
