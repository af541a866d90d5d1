using TraceReplay.Replay.Models.Current;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.V11;

/// <summary>
/// `v11`: every reference is dropped inside the lookup; SPTE bit 59 remembers that the page had one, and gates the marks
/// (spec 3.1, 5). Written with TDP on, where the bit exists.
/// </summary>
public readonly struct V11Rules : IFaultRules
{
    /// <summary>BUG-V11-3: a writable leaf counts as writable even in a READONLY slot.</summary>
    public static bool RemappedWritableWithoutUpgrade => true;

    public static void GupTaken(ref FaultContext fault, PageLedger pages)
    {
        fault.Put(pages);
        fault.Refcounted = true;
    }

    public static bool RemappedTaken(ref FaultContext fault, PageLedger pages)
    {
        StructPage page = pages.StructPage(fault.Pfn);
        if (CurrentRules.HasRefcountedPage(page) && page.Count > 0)
        {
            fault.Get(pages);
            fault.Put(pages);
            fault.Refcounted = true;
        }

        // allow_non_refcounted_struct_page is set, and the notifier guards the lookup.
        return true;
    }

    /// <summary>BUG-V11-1: the check that 6.8 brought releases a pfn on which nothing is held.</summary>
    public static void ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages)
    {
        if (CurrentRules.HasRefcountedPage(pages.StructPage(fault.Pfn)))
        {
            fault.MarkAccessed(pages);
            fault.Put(pages);
        }
    }

    /// <summary>Marks under mmu_lock, also on a stale retry (BUG-V11-2).</summary>
    public static void Finish(ref FaultContext fault, PageLedger pages)
    {
        if (fault.Refcounted)
        {
            fault.MarkAccessed(pages);
        }
    }

    public static ulong LeafBits(in FaultContext fault) => fault.Refcounted ? SpteLayout.RefcountedBit : 0;

    public static void BitsLost(PageLedger pages, ulong spte, bool accessed, bool dirty)
    {
        if ((spte & SpteLayout.RefcountedBit) != 0)
        {
            CurrentRules.Mark(pages, SpteLayout.Pfn(spte), accessed, dirty);
        }
    }
}
