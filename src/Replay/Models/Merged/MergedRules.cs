using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Merged;

/// <summary>
/// `merged`: references come from get_user_pages only and live until the fault is finished under mmu_lock; a remapped pfn
/// never leads to struct page, an SPTE never does either (spec 6.1).
/// </summary>
public readonly struct MergedRules : IFaultRules
{
    public static bool RemappedWritableWithoutUpgrade => false;

    public static bool MarksUnderLock => true;

    public static bool FinishesUnderLock => true;

    public static void GupTaken(ref FaultContext fault, PageLedger pages) => fault.HoldsRef = true;

    /// <summary>M5: what the kernel itself would use must be pinned, and a remapped page cannot be.</summary>
    public static bool RemappedTaken(ref FaultContext fault, PageLedger pages) => fault.Caller != LookupCaller.VcpuMap || fault.AllowsUnsafe;

    public static bool MarksPrefetched => true;

    public static void ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages)
    {
        if (fault.HoldsRef)
        {
            fault.Put(pages, fault.ReleasePfn);
            fault.HoldsRef = false;
        }
    }

    public static void Finish(ref FaultContext fault, PageLedger pages)
    {
        if (!fault.HoldsRef)
        {
            return;
        }

        // What was got is what is put: a SPURIOUS end may have found another pfn in the leaf.
        // M3: dirty at map if the host maps it writable, even for a read; M2: a retry marks nothing.
        if (fault.Outcome != FaultOutcome.Retry)
        {
            fault.MarkAccessed(pages, fault.ReleasePfn);
            if (fault.MapWritable)
            {
                fault.MarkDirty(pages, fault.ReleasePfn);
            }
        }

        fault.Put(pages, fault.ReleasePfn);
        fault.HoldsRef = false;
    }

    public static bool ReadOnlyFaultIsKept(in FaultContext fault, StructPage page) => true;

    public static ulong LeafBits(in FaultContext fault) => 0;

    public static PageMarks BitsLost(PageLedger pages, ulong spte, bool isShadow, bool accessed, bool dirty) => PageMarks.None;
}
