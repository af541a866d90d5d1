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
}

/// <summary>One fault on its way through one model: what the kernel keeps in struct kvm_page_fault and its callers.</summary>
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

    /// <summary>The capture records no memslots: what was learned of the page before has no hva by which a window could end it.</summary>
    public bool SlotsUnknown;

    /// <summary>The model goes on to a lookup where the kernel ended the fault before it: a disagreement, not a gap in the trace.</summary>
    public bool WentFurther;

    /// <summary>The host maps the page writable (map_writable).</summary>
    public bool MapWritable;

    /// <summary>The leaf that was installed permits writes.</summary>
    public bool Writable;

    /// <summary>KVM holds a reference on <see cref="Pfn"/> for this fault.</summary>
    public bool HoldsRef;

    /// <summary>v11: the page had a reference count when it was looked up (SPTE bit 59, accessed_page).</summary>
    public bool Refcounted;

    public byte AsId;
    public byte Level;
    public byte RefsGot;
    public byte RefsPut;
    public byte MarkedAccessed;
    public byte MarkedDirty;
    public Memslot? Slot;
    public ulong Gfn;
    public ulong Pfn;

    /// <summary>What the lookup found; <see cref="Pfn"/> is the outcome's.</summary>
    public ulong LookupPfn;

    /// <summary>The page that carries the reference which the lookup got: what is learned of the pfn later does not move it.</summary>
    public ulong Head;

    /// <summary>The leaf that the fault left; 0 if it left none.</summary>
    public ulong Spte;

    /// <summary>The pfn that a release by pfn puts: not <see cref="Pfn"/> where a huge mapping has cleared its low bits (fix A of spec 1.2).</summary>
    public ulong ReleasePfn;

    public ulong Seq;
    public uint RootGeneration;

    /// <summary>Memslot generation that the fault looked its memslot up in.</summary>
    public uint MmioGeneration;

    /// <summary>Invariants that the fault broke, a bit each (<see cref="Invariant.Bit"/>).</summary>
    public ulong Violated;

    /// <summary>Invariants that it broke if the page was freed or changed in a window that the trace does not show closely enough.</summary>
    public ulong Violable;

    /// <summary>One sentence for the person who asks why; a constant.</summary>
    public string? Reason;

    public readonly bool Write => (Access & FaultAccess.Write) != 0;

    /// <summary>Ends the fault in <paramref name="outcome"/>.</summary>
    public void End(FaultOutcome outcome, string? reason = null)
    {
        Outcome = outcome;
        Reason ??= reason;
        Done = true;
    }

    /// <summary>Ends the fault in RETRY.</summary>
    public void Retry(RetryCause cause)
    {
        RetryCause = cause;
        End(cause == RetryCause.Async ? FaultOutcome.Async : FaultOutcome.Retry);
    }

    /// <summary>The fault broke an invariant of spec 11.</summary>
    public void Violate(int invariant) => Violated |= 1UL << invariant;

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

    /// <summary>Takes a reference on the page that the lookup found.</summary>
    public void Get(PageLedger pages)
    {
        Head = pages.Folio(LookupPfn);
        pages.Get(Head);
        RefsGot++;
    }

    /// <summary>Puts the reference on <paramref name="pfn"/>'s page.</summary>
    public void Put(PageLedger pages, ulong pfn)
    {
        pages.Put(HeadOf(pages, pfn));
        RefsPut++;
    }

    /// <summary>Marks the page, unless it is reserved: no model does that (INV-09a).</summary>
    public void MarkAccessed(PageLedger pages, ulong pfn)
    {
        if (pages.StructPage(pfn).IsAdTracked)
        {
            pages.MarkAccessed(HeadOf(pages, pfn));
            MarkedAccessed++;
        }
    }

    public void MarkDirty(PageLedger pages, ulong pfn)
    {
        if (pages.StructPage(pfn).IsAdTracked)
        {
            pages.MarkDirty(HeadOf(pages, pfn));
            MarkedDirty++;
        }
    }

    private readonly ulong HeadOf(PageLedger pages, ulong pfn) => pfn == LookupPfn && RefsGot > 0 ? Head : pages.Folio(pfn);
}
