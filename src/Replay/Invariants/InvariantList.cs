using static TraceReplay.Replay.Invariants.CheckPoint;

namespace TraceReplay.Replay.Invariants;

/// <summary>The invariants of spec 11, all of them: the one place to register another.</summary>
public static class InvariantList
{
    /// <summary>Stands where a model's name stands, for what is evaluated on the captured kernel's records alone.</summary>
    public const string KernelName = "kernel";

    internal const int RefBalance = 1;
    internal const int RefNoGetZero = 2;
    internal const int RefNoPutUnowned = 3;
    internal const int RefClassStable = 4;
    internal const int RefHeld = 5;
    internal const int NoSpteToFree = 6;
    internal const int PutNotLast = 7;
    internal const int TouchLive = 8;
    internal const int AdRefcountedOnly = 9;
    internal const int DirtyNotLost = 10;
    internal const int NoStaleLeaf = 11;
    internal const int NoInstallAcross = 12;
    internal const int InProgressSane = 13;
    internal const int HullSet = 14;
    internal const int SeqMonotonic = 15;
    internal const int SlotsFrozen = 16;
    internal const int ReadOnlySlotNotWritable = 17;
    internal const int ReadOnlyHostNotWritable = 18;
    internal const int PfnEqual = 19;
    internal const int LevelHost = 20;
    internal const int LevelSlot = 21;
    internal const int LevelLogging = 22;
    internal const int PfnAligned = 23;
    internal const int SpteInSlot = 24;
    internal const int TdpNoReplace = 25;
    internal const int NonPresentStep = 26;
    internal const int MmioGeneration = 27;
    internal const int MmioNotOverPresent = 28;
    internal const int FlushBeforeRelease = 29;
    internal const int DirtyLogged = 30;
    internal const int NoSpuriousEfault = 31;
    internal const int Progress = 32;
    internal const int OneOutcome = 33;
    internal const int Bit59Truth = 34;
    internal const int UnguardedPinned = 35;
    internal const int MarkUnderLock = 36;
    internal const int PfnCacheFresh = 37;
    internal const int WindowPaired = 38;
    internal const int TtmOrder = 39;
    internal const int CountShape = 40;
    internal const int AdNotReserved = 41;

    private const string Faults = "kvm_page_fault and what tells the page";
    private const string Leaves = "kvm_tdp_mmu_spte_changed";
    private const string Windows = "kvm_unmap_hva_range and memslots";

    public static IReadOnlyList<Invariant> All { get; } =
    [
        new(RefBalance, "REF_BALANCE", "gets and puts of a fault balance, page by page, when its handler returns", Faults) { InModels = FaultEnd },
        new(RefNoGetZero, "REF_NO_GET_ZERO", "no reference is taken on a page whose count is 0", Faults) { InModels = ReferenceTaken },
        new(RefNoPutUnowned, "REF_NO_PUT_UNOWNED", "every put is of a page that the fault holds", Faults) { InModels = ReferencePut },
        new(RefClassStable, "REF_CLASS_STABLE", "the page that is put is of the class of the page that was got", Faults) { InModels = ReferencePut },
        new(RefHeld, "REF_HELD", "KVM holds a reference on a page of get_user_pages until the fault is finished", Faults) { InModels = GupSucceeded, ByDesignIn = "v11" },
        new(NoSpteToFree, "NO_SPTE_TO_FREE", "no present leaf maps a page that is freed, unless a window over it is open", "kmem:mm_page_free") { InModels = PageFreed },
        new(PutNotLast, "PUT_NOT_LAST", "KVM's put does not take the last reference of a page that the host still maps", Faults) { InModels = ReferencePut },
        new(TouchLive, "TOUCH_LIVE", "a page is marked accessed or dirty only while it has a reference", Faults) { InModels = Marked },
        new(AdNotReserved, "AD_NOT_RESERVED", "no mark on a page that is PG_reserved", Faults) { InModels = Marked },
        new(AdRefcountedOnly, "AD_REFCOUNTED_ONLY", "marks only on pages that get_user_pages returned", Faults) { InModels = Marked },
        new(DirtyNotLost, "DIRTY_NOT_LOST", "a file page with a writable leaf is marked dirty before the window that takes the leaf away ends", Windows + ", mmap system calls for what is a file") { InModels = FileLeafZapped },
        new(NoStaleLeaf, "NO_STALE_LEAF", "when a window ends, no leaf in its range comes from a lookup made before it began", Windows + "; of the records also " + Leaves) { InModels = MatchedWindowEnd, InRecords = RecordedWindowEnd },
        new(NoInstallAcross, "NO_INSTALL_ACROSS", "no leaf is installed while a window covers its gfn, or after one has ended since the snapshot", Windows + "; of the records also probes") { InModels = LeafInstalled, InRecords = RecordedInstall },
        new(InProgressSane, "IN_PROGRESS_SANE", "mmu_invalidate_in_progress is the number of open windows that matched a memslot", Windows + "; of the records a probe on kvm_mmu_invalidate_end") { InModels = MatchedWindowEnd, InRecords = RecordedCounts },
        new(HullSet, "HULL_SET", "while a window is in progress there is a hull", Windows) { InModels = WindowBegin },
        new(SeqMonotonic, "SEQ_MONOTONIC", "mmu_invalidate_seq moves by one with each end of a matched window and never else", Windows + "; of the records a probe on kvm_mmu_invalidate_end") { InModels = MatchedWindowEnd, InRecords = RecordedCounts },
        new(SlotsFrozen, "SLOTS_FROZEN", "no memslot set becomes active while a window is open", "probes on the region call and on the notifier's end") { InRecords = RecordedSlotChange },
        new(ReadOnlySlotNotWritable, "RO_SLOT_NO_W", "a leaf in a READONLY memslot is not writable", Faults + "; memslots") { InModels = LeafMapped, InRecords = RecordedReadOnlySlotLeaf },
        new(ReadOnlyHostNotWritable, "RO_HOST_NO_W", "writable implies MMU-writable implies host-writable, and that the host maps the page writable", Faults + "; of the records " + Leaves) { InModels = LeafInstalled, InRecords = RecordedLeaf },
        new(PfnEqual, "PFN_EQUAL", "a leaf maps the page that the host maps there", Faults) { InModels = HostLeafKnown },
        new(LevelHost, "LEVEL_HOST", "a leaf is not above the level of the host's leaf when it is installed", Faults + "; the host's level is known as a lower bound") { InModels = HostLeafKnown },
        new(LevelSlot, "LEVEL_SLOT", "a huge leaf lies inside its memslot, gfn and hva congruent", "memslots") { InModels = LeafInstalled },
        new(LevelLogging, "LEVEL_LOGGING", "a memslot that logs dirty pages has no writable huge leaf", "memslots; of the records " + Leaves) { InModels = LeafInstalled, InRecords = RecordedLoggedLeaf },
        new(PfnAligned, "PFN_ALIGNED", "the pfn of a huge leaf is a multiple of its size", Faults + "; of the records " + Leaves) { InModels = LeafInstalled, InRecords = RecordedHugeLeaf },
        new(SpteInSlot, "SPTE_IN_SLOT", "a present leaf lies in an active memslot", "memslots; of the records " + Leaves) { InModels = SlotGone, InRecords = RecordedLeafInSlot },
        new(TdpNoReplace, "TDP_NO_REPLACE", "a present leaf never becomes one of another pfn in one step", Faults + "; of the records " + Leaves) { InModels = LeafInstalled, InRecords = RecordedReplacement },
        new(NonPresentStep, "NONPRESENT_STEP", "a change from non-present to non-present has MMIO or a frozen SPTE on one side", Leaves) { InRecords = RecordedNonPresentStep },
        new(MmioGeneration, "MMIO_GEN", "an MMIO SPTE serves only a gfn that has no memslot at its generation", "memslots and MMIO faults") { InModels = MmioFromCache },
        new(MmioNotOverPresent, "MMIO_NOT_OVER_PRESENT", "an MMIO SPTE never overwrites a present one", "faults of the shadow MMU (TDP off) and memslots") { InModels = ShadowMmioInstalled },
        new(FlushBeforeRelease, "FLUSH_BEFORE_RELEASE", "after a zap the guest's TLB is flushed before mmu_lock is dropped for good", "a probe on kvm_flush_remote_tlbs")
        {
            NotEvaluated = "no event shows a flush of the guest's TLB, and the models have no TLB",
        },
        new(DirtyLogged, "DIRTY_LOGGED", "a leaf that becomes writable in a memslot that logs dirty pages is logged in the same step", "memslots") { InModels = LogDirtyWritable },
        new(NoSpuriousEfault, "NO_SPURIOUS_EFAULT", "EFAULT only where no VMA permits the access or the driver refuses", Faults) { InModels = Refused },
        new(Progress, "PROGRESS", "a fault retries only for a cause: a window, a memslot or root that goes, a lost race, I/O, poison", Faults) { InModels = Retried },
        new(OneOutcome, "ONE_OUTCOME", "each kvm_page_fault of a vCPU ends in one entry or one exit to user space", "kvm_entry and kvm_userspace_exit") { InRecords = RecordedFaultEnd },
        new(Bit59Truth, "BIT59_TRUTH", "SPTE bit 59 says whether the page has a refcount, until the leaf is zapped", Faults) { InModels = LeafZapped, Models = ["v11"] },
        new(UnguardedPinned, "UNGUARDED_PINNED", "a pfn used outside of the notifier's protection is pinned or refcounted", "kvm_vcpu_map, which no capture shows yet: scenarios only") { InModels = UnguardedUse },
        new(MarkUnderLock, "MARK_UNDER_LOCK", "dirty marks only while mmu_lock is held", Faults) { InModels = CheckPoint.MarkedDirty, Models = ["merged"] },
        new(PfnCacheFresh, "GPC_FRESH", "a valid pfn cache has seen no window over its address since its lookup", "pfn cache refreshes, which no capture shows yet: scenarios only") { InModels = PfnCacheUse },
        new(WindowPaired, "WINDOW_PAIRED", "every start of a window has an end by the same task", "probes on the notifier's start and end") { InRecords = RecordedWindowClose },
        new(TtmOrder, "TTM_ORDER", "no leaf to a buffer's pages is left when the buffer has moved", "probes on the TTM fault handler and on ttm_bo_handle_move_mem") { InModels = BoMoved },
        new(CountShape, "COUNT_SHAPE", "of a non-compound block the head has a count and the tails have none, until it is split or freed", Faults + "; kmem:mm_page_alloc") { InModels = NonCompoundBlock },
    ];
}
