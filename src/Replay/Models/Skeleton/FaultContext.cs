using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>How a fault was served, for the <c>path</c> column.</summary>
public enum FaultPath : byte
{
    None = 0,
    Fast,
    GupFast,
    GupSlow,
    Remapped,
    NoSlot,
    MmioCached,
    GuestMemfd,

    /// <summary>arm64: the leaf was there, its access flag was set.</summary>
    AccessFlag,
}

/// <summary>Who asks for a page, and so under which protection it will be used (spec 5, caller matrix).</summary>
public enum LookupCaller : byte
{
    /// <summary>The page-fault handler: guarded by the notifier.</summary>
    Fault = 0,

    /// <summary>kvm_vcpu_map: the kernel itself uses the page, outside of the notifier's protection.</summary>
    VcpuMap,

    /// <summary>Another architecture's fault handler: guarded, but through wrappers that do not say so.</summary>
    LegacyFault,
}

/// <summary>Why a model retried, for the <c>retry_cause</c> column.</summary>
public enum RetryCause : byte
{
    None = 0,
    PrecheckBeforeLookup,
    PrecheckAfterLookup,
    WindowOpen,
    SeqMoved,
    SlotInvalid,
    RootObsolete,
    Async,
    Poison,

    /// <summary>Another task changed the entry first: the compare-exchange fails.</summary>
    LostRace,

    /// <summary>arm64: the same page is mapped there already, -EAGAIN. A counterfactual model may have mapped it at an earlier fault.</summary>
    LeafThere,

    /// <summary>arm64: the leaf whose permissions are to be added has gone, -EAGAIN. A counterfactual model may never have had it.</summary>
    LeafGone,
}

/// <summary>One fault on its way through one model: what the kernel keeps in struct kvm_page_fault and its callers. Copied into each result, so packed.</summary>
[StructLayout(LayoutKind.Auto)]
public struct FaultContext
{
    public FaultAccess Access;
    public FaultOutcome Outcome;
    public FaultPath Path;
    public RetryCause RetryCause;
    public PageKind Kind;
    public Certainty Certainty;
    public bool Done;
    public bool LookedUp;

    /// <summary>Some order of events that the records allow ends the fault in RETRY, for this cause; None if none does.</summary>
    public RetryCause MayRetry;

    /// <summary>The outcomes over all orders that the records allow: bit n is <see cref="FaultOutcome"/> n. Set when the fault is over.</summary>
    public ushort Outcomes;

    /// <summary>Of two orders that the other records allow, the fault's own next step told which it was.</summary>
    public bool ByOwnStep;

    /// <summary>Nothing shows whether its vCPU has loaded a new root since all of them were zapped.</summary>
    public bool RootMayBeStale;

    /// <summary>Whether it met its memslot INVALID.</summary>
    public RetryVerdict SlotMayBeInvalid;

    /// <summary>The records of other tasks left the check before the lookup undecided.</summary>
    public bool FirstCheckUndecided;

    /// <summary>Whether the fault's lookup, the step behind its first check, is recorded.</summary>
    public OwnStep LookupMade;

    /// <summary>Whether kvm_mmu_spte_requested, the step behind its checks, is recorded.</summary>
    public OwnStep LockReached;

    /// <summary>The outcome rests on the fault's own lookup having failed as recorded.</summary>
    public bool ReadOff;

    /// <summary>Shadow paging, and nothing tells what the guest's own tables permit.</summary>
    public bool GuestUntold;

    /// <summary>The gfn may be write-protected because it holds a guest's table.</summary>
    public bool MayBeProtected;

    /// <summary>Another address space of the guest may have left the leaf that was there.</summary>
    public bool MayBeNew;

    /// <summary>The goal level rests on the fault's own leaf and nothing else.</summary>
    public bool LevelReadOff;

    /// <summary>Whether the host maps the page writable was taken from the fault's own leaf.</summary>
    public bool WritableReadOff;

    /// <summary>Level of the leaf that the kernel left for this fault; 0 if none is recorded. Asked only where nothing else tells the host's level.</summary>
    public byte OwnLevel;

    /// <summary>The capture records no memslots: what was learned of the page before has no hva by which a window could end it.</summary>
    public bool SlotsUnknown;

    /// <summary>
    /// KVM refused pages in this trace and no page allocation tells which it refuses: a page that no earlier leaf shows is a guess.
    /// </summary>
    public bool AmongRefused;

    /// <summary>The model goes on to a lookup where the kernel ended the fault before it: a disagreement, not a gap in the trace.</summary>
    public bool WentFurther;

    /// <summary>The host maps the page writable (map_writable).</summary>
    public bool MapWritable;

    /// <summary>The leaf that was installed permits writes.</summary>
    public bool Writable;

    /// <summary>KVM holds a reference on <see cref="Pfn"/> for this fault.</summary>
    public bool HoldsRef;

    /// <summary>mmu_lock is held.</summary>
    public bool UnderLock;

    /// <summary>The gfn was entered in its memslot's dirty log.</summary>
    public bool SlotDirtied;

    /// <summary>The zone-device test of a reserved page without a count warned (spec 1.1, rule 4).</summary>
    public bool Warned;

    /// <summary>P_GET_UNLESS_ZERO is not there yet: a remapped page is got whatever its count (before f8be156be163).</summary>
    public bool GetsUnconditionally;

    /// <summary>Module parameter allow_unsafe_mappings is set.</summary>
    public bool AllowsUnsafe;

    /// <summary>Who looks the page up.</summary>
    public LookupCaller Caller;

    /// <summary>v11: the page had a reference count when it was looked up (SPTE bit 59, accessed_page).</summary>
    public bool Refcounted;

    public byte AsId;
    public byte Level;

    /// <summary>arm64: level of the leaf that the CPU's walk met; 0 if it met none.</summary>
    public byte MetLevel;

    /// <summary>Times that the reference was moved to another page of the same folio by putting and getting it (arm64, 6.1).</summary>
    public byte RefsMoved;
    public byte RefsGot;
    public byte RefsPut;
    public byte MarkedAccessed;
    public byte MarkedDirty;

    /// <summary>References that were tried on a page without any.</summary>
    public byte RefTryFails;

    /// <summary>How often the memmap was asked about the pfn.</summary>
    public byte MemmapChecks;

    /// <summary>Different struct page cache lines that were touched.</summary>
    public byte PageLines;

    /// <summary>The memslot that it met, if there was one.</summary>
    public PageSlot Slot;
    public ulong Gfn;
    public ulong Pfn;

    /// <summary>What the lookup found; <see cref="Pfn"/> is the outcome's.</summary>
    public ulong LookupPfn;

    /// <summary>The leaf that the fault left; 0 if it left none.</summary>
    public ulong Spte;

    /// <summary>The pfn that a release by pfn puts: not <see cref="Pfn"/> where a huge mapping has cleared its low bits (fix A of spec 1.2).</summary>
    public ulong ReleasePfn;

    /// <summary>Shadow paging: the guest's virtual address, by which its SPTEs are found.</summary>
    public ulong Gva;

    /// <summary>The page whose count the last get raised.</summary>
    public ulong GotFolio;

    public ulong Seq;

    /// <summary>Recorded value of the snapshot + 1; 0 if it is not recorded.</summary>
    public ulong SnapshotPlusOne;

    /// <summary>Its place among the open faults, where windows say in which fault's lookup they opened; -1 otherwise.</summary>
    public int Open;

    /// <summary>Places between which the snapshot lies.</summary>
    public long SnapshotAfter;
    public long SnapshotBefore;

    /// <summary>Place after which its first check lies, if its own next step shows that it passed; <see cref="long.MinValue"/> otherwise.</summary>
    public long PassedAfter;
    public uint RootGeneration;

    /// <summary>Memslot generation that the fault looked its memslot up in.</summary>
    public uint MmioGeneration;

    /// <summary>Invariants that the fault broke, a bit each (<see cref="Invariant.Bit"/>).</summary>
    public ulong Violated;

    /// <summary>Invariants that it broke if the page was freed or changed in a window that the trace does not show closely enough.</summary>
    public ulong Violable;

    /// <summary>Not the sentence itself: a result without references is copied and dropped faster.</summary>
    public FaultReason Reason;

    public readonly bool Write => (Access & FaultAccess.Write) != 0;

    /// <summary>Ends the fault in <paramref name="outcome"/>.</summary>
    public void End(FaultOutcome outcome, FaultReason reason = FaultReason.None)
    {
        Outcome = outcome;
        Reason = Reason == FaultReason.None ? reason : Reason;
        Done = true;
    }

    /// <summary>Ends the fault in RETRY.</summary>
    public void Retry(RetryCause cause)
    {
        RetryCause = cause;
        End(cause == RetryCause.Async ? FaultOutcome.Async : FaultOutcome.Retry);
    }

    /// <summary>Some order of events ends the fault in RETRY.</summary>
    public void RetryIn(RetryVerdict verdict, RetryCause cause)
    {
        if (verdict == RetryVerdict.Yes)
        {
            Retry(cause);
        }
        else if (verdict == RetryVerdict.Maybe && MayRetry == RetryCause.None)
        {
            MayRetry = cause;
        }
    }

    /// <summary>More than one outcome is predicted.</summary>
    public readonly bool IsSet => (Outcomes & (Outcomes - 1)) != 0;

    /// <summary>The fault broke an invariant of spec 11.</summary>
    public void Violate(int invariant) => Violated |= 1UL << invariant;

    /// <summary>The fault broke an invariant, if the order that shows it is <paramref name="certain"/>.</summary>
    public void Break(int invariant, bool certain)
    {
        if (certain)
        {
            Violate(invariant);
        }
        else
        {
            Violable |= 1UL << invariant;
        }
    }

    /// <summary>A fact that the verdict rests on is no better than <paramref name="certainty"/>.</summary>
    public void RestsOn(Certainty certainty)
    {
        if (certainty > Certainty)
        {
            Certainty = certainty;
        }
    }

    public readonly bool IsPrefetch => (Access & FaultAccess.Prefetch) != 0;

    public readonly bool IsShadow => (Access & FaultAccess.Shadow) != 0;

    /// <summary>refcounted_page_of (spec 1.1): asks the memmap, and reads struct page where there is one.</summary>
    public StructPage FindStructPage(PageLedger pages, ulong pfn)
    {
        StructPage page = pages.StructPage(pfn);
        MemmapChecks++;
        PageLines = page.Valid ? Math.Max(PageLines, (byte)1) : PageLines;
        return page;
    }

    /// <summary>Takes a reference on the page that the lookup found.</summary>
    public void Get(PageLedger pages)
    {
        (GotFolio, int count) = pages.Get(LookupPfn);
        if (count <= 0)
        {
            Violate(InvariantList.RefNoGetZero);
        }

        PageLines = Math.Max(PageLines, (byte)1);
        RefsGot++;
    }

    /// <summary>Puts the reference on <paramref name="pfn"/>'s page.</summary>
    public void Put(PageLedger pages, ulong pfn)
    {
        ulong folio = HeadOf(pages, pfn);
        int count = pages.Put(folio, pfn, out PageKind kind);
        RefsPut++;
        if (RefsGot > 0 && folio != GotFolio)
        {
            PageLines++;
            Violate(InvariantList.RefBalance);
            Violate(InvariantList.RefNoPutUnowned);
            Violate(InvariantList.RefClassStable);
        }

        if (count <= 0 && kind is not (PageKind.Unknown or PageKind.Free))
        {
            Violate(InvariantList.PutNotLast);
        }
    }

    /// <summary>Marks the page, unless it is reserved: no model does that (INV-09a).</summary>
    public void MarkAccessed(PageLedger pages, ulong pfn)
    {
        if (IsTracked(pages, pfn))
        {
            pages.MarkAccessed(HeadOf(pages, pfn));
            MarkedAccessed++;
        }
    }

    public void MarkDirty(PageLedger pages, ulong pfn)
    {
        if (!IsTracked(pages, pfn))
        {
            return;
        }

        if (!UnderLock && Caller == LookupCaller.Fault)
        {
            Violate(InvariantList.MarkUnderLock);
        }

        pages.MarkDirty(HeadOf(pages, pfn));
        MarkedDirty++;
    }

    // Inlined by order, and the next: each mark and put goes through them.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly ulong HeadOf(PageLedger pages, ulong pfn) => pfn == LookupPfn && RefsGot > 0 ? GotFolio : pages.Folio(pfn);

    /// <summary>The test of the kernel's ad_tracked: reserved pages carry no marks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsTracked(PageLedger pages, ulong pfn)
    {
        int count = pages.Count(pfn, out PageKind kind);
        if (!kind.StructPage().IsAdTracked)
        {
            return false;
        }

        if (count <= 0 && kind != PageKind.Unknown)
        {
            Violate(InvariantList.TouchLive);
        }

        return true;
    }
}
