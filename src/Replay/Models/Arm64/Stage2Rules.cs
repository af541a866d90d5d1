using TraceReplay.Replay.Models.Current;
using TraceReplay.Replay.Models.Merged;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Models.V11;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Arm64;

/// <summary>
/// `current` on arm64: who holds what is as on x86; struct page is marked by each fault behind mmu_lock, and by none that loses its leaf.
/// </summary>
public readonly struct CurrentStage2Rules : IFaultRules
{
    public static bool RemappedWritableWithoutUpgrade => CurrentRules.RemappedWritableWithoutUpgrade;

    public static bool MarksAtAccessFlag => true;

    public static void GupTaken(ref FaultContext fault, PageLedger pages) => CurrentRules.GupTaken(ref fault, pages);

    public static bool RemappedTaken(ref FaultContext fault, PageLedger pages) => CurrentRules.RemappedTaken(ref fault, pages);

    public static bool ReadOnlyFaultIsKept(in FaultContext fault, StructPage page) => true;

    public static void ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages) => CurrentRules.ReleaseAtPrecheck(ref fault, pages);

    /// <summary>kvm_set_pfn_dirty for what was mapped writable, then kvm_release_pfn_clean whatever became of the fault.</summary>
    public static void Finish(ref FaultContext fault, PageLedger pages)
    {
        if (fault is { Outcome: FaultOutcome.Fixed, Writable: true } && fault.FindStructPage(pages, fault.LookupPfn).IsRefcounted)
        {
            fault.MarkDirty(pages, fault.ReleasePfn);
        }

        CurrentRules.Release(ref fault, pages);
    }

    public static ulong LeafBits(in FaultContext fault) => 0;

    public static PageMarks BitsLost(PageLedger pages, ulong spte, bool isShadow, bool accessed, bool dirty) => PageMarks.None;
}

/// <summary>`v11` on arm64: through the wrappers of old, which do not say that the notifier guards the page (spec 5).</summary>
public readonly struct V11Stage2Rules : IFaultRules
{
    public static bool RemappedWritableWithoutUpgrade => V11Rules.RemappedWritableWithoutUpgrade;

    public static bool MarksAtAccessFlag => true;

    public static void GupTaken(ref FaultContext fault, PageLedger pages) => V11Rules.GupTaken(ref fault, pages);

    public static bool RemappedTaken(ref FaultContext fault, PageLedger pages) => V11Rules.RemappedTaken(ref fault, pages);

    /// <summary>BUG-V11-4, for every caller but x86's handler.</summary>
    public static bool ReadOnlyFaultIsKept(in FaultContext fault, StructPage page) => !page.IsRefcounted;

    public static void ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages) => CurrentStage2Rules.ReleaseAtPrecheck(ref fault, pages);

    public static void Finish(ref FaultContext fault, PageLedger pages) => CurrentStage2Rules.Finish(ref fault, pages);

    public static ulong LeafBits(in FaultContext fault) => 0;

    public static PageMarks BitsLost(PageLedger pages, ulong spte, bool isShadow, bool accessed, bool dirty) => PageMarks.None;
}

/// <summary>`merged` on arm64: references from get_user_pages only, put under mmu_lock; dirty if the leaf is writable, not if the host's is.</summary>
public readonly struct MergedStage2Rules : IFaultRules
{
    public static bool RemappedWritableWithoutUpgrade => MergedRules.RemappedWritableWithoutUpgrade;

    public static bool MarksUnderLock => true;

    public static bool FinishesUnderLock => true;

    public static void GupTaken(ref FaultContext fault, PageLedger pages) => MergedRules.GupTaken(ref fault, pages);

    public static bool RemappedTaken(ref FaultContext fault, PageLedger pages) => MergedRules.RemappedTaken(ref fault, pages);

    public static bool ReadOnlyFaultIsKept(in FaultContext fault, StructPage page) => true;

    public static void ReleaseAtPrecheck(ref FaultContext fault, PageLedger pages) => MergedRules.ReleaseAtPrecheck(ref fault, pages);

    public static void Finish(ref FaultContext fault, PageLedger pages)
    {
        if (!fault.HoldsRef)
        {
            return;
        }

        if (fault.Outcome == FaultOutcome.Fixed)
        {
            fault.MarkAccessed(pages, fault.ReleasePfn);
            if (fault.Writable)
            {
                fault.MarkDirty(pages, fault.ReleasePfn);
            }
        }

        fault.Put(pages, fault.ReleasePfn);
        fault.HoldsRef = false;
    }

    public static ulong LeafBits(in FaultContext fault) => 0;

    public static PageMarks BitsLost(PageLedger pages, ulong spte, bool isShadow, bool accessed, bool dirty) => PageMarks.None;
}
