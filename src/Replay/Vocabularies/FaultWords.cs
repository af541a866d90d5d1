using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Vocabularies;

/// <summary>The values that faults and their outcomes have. A value without a meaning is an error the first time that they are asked for.</summary>
public static class FaultWords
{
    public static Vocabulary Outcomes { get; } = new("outcome", "how a fault ends", [.. Enum.GetValues<FaultOutcome>().Select(outcome => new Word(outcome.Name(), Meaning(outcome)))]);

    public static Vocabulary Paths { get; } = new("path", "on which way a fault gets its page", [.. Enum.GetValues<FaultPath>().Where(path => path != FaultPath.None).Select(path => new Word(OutcomeTable.Path(path)!, Meaning(path)))]);

    /// <summary>A key that several kinds share has one word.</summary>
    public static Vocabulary PageKinds { get; } = new("page_kind", "what host memory lies behind a guest page", [.. Enum.GetValues<PageKind>()
        .Where(kind => kind.Key() is not null)
        .GroupBy(kind => kind.Key()!)
        .Select(kinds => new Word(kinds.Key, string.Join(" or ", kinds.Select(kind => kind.Describe())) + Memory(kinds.First())))]);

    public static Vocabulary Kinds { get; } = new("kind", "of which kind a fault is",
    [
        new(FaultKinds.Tdp, "of a guest's physical address that the second-level tables (EPT, NPT) do not map or do not permit"),
        new(FaultKinds.Shadow, "of shadow paging: TDP is off, KVM walks the guest's own page tables"),
        new(FaultKinds.Nested, "of a guest that runs in the guest (L2): no model judges it"),
        new(FaultKinds.GuestMemfd, "of private memory, which comes from the memslot's guest_memfd and not from the VMM's mappings"),
        new(FaultKinds.Mmio, "of device memory that the VMM or KVM emulates: the error code says a reserved bit (a cached MMIO SPTE), or the access was emulated and no memslot is there"),
        new(FaultKinds.Arm64, "a guest abort of stage 2 on arm64, of whatever kind"),
    ]);

    public static Vocabulary Certainties { get; } = new("certainty", "how certain a model's answer is: as the least certain fact that it rests on", [.. Enum.GetValues<Certainty>().Select(certainty => new Word(OutcomeTable.Certain(certainty), Meaning(certainty)))]);

    public static Vocabulary RetryCauses { get; } = new("retry_cause", "why a fault retries", [.. Enum.GetValues<RetryCause>().Where(cause => cause != RetryCause.None).Select(cause => new Word(OutcomeTable.Cause(cause)!, Meaning(cause)))]);

    public static Vocabulary ObservedBy { get; } = new("observed_by", "which record shows how a fault ended, best first", [.. Enum.GetValues<ObservedBy>().Where(by => by != Timeline.ObservedBy.Nothing).Select(by => new Word(FaultTable.By(by)!, Meaning(by)))]);

    public static Vocabulary LatencyEnds { get; } = new("latency_to", "where a fault's latency ends", [.. Enum.GetValues<LatencyEnd>().Where(end => end != LatencyEnd.None).Select(end => new Word(FaultTable.To(end)!, Meaning(end)))]);

    public static Vocabulary Accesses { get; } = new("access", "what the guest wanted",
    [
        new("r", "to read"),
        new("w", "to write"),
        new("x", "to fetch an instruction"),
    ]);

    public static Vocabulary Sources { get; } = new("source", "the event that tells of a fault",
    [
        new(FaultTable.FromPageFault, "x86: the event of the fault handler"),
        new(FaultTable.FromGuestFault, "arm64: the event of the abort handler"),
        new(FaultTable.FromExit, "the capture has no kvm_page_fault: taken from AMD's kvm_exit (npf), which has the error code in info1 and the address in info2"),
    ]);

    private static string Meaning(FaultOutcome outcome) => outcome switch
    {
        FaultOutcome.Unknown => "no record tells how the fault ended, or a model does not know",
        FaultOutcome.Fixed => "the page is mapped, or its leaf permits the access now, and the guest goes on",
        FaultOutcome.FixedFast => "the fast path has changed the SPTE without mmu_lock (access tracking, a write to a page whose dirty log was just cleared), and the guest goes on",
        FaultOutcome.Spurious => "the leaf was there already and permits the access: another vCPU was first, or the TLB was behind",
        FaultOutcome.Retry => "nothing is mapped, the guest tries the access again; retry_cause says why",
        FaultOutcome.Emulate => "KVM or the VMM emulates the access: MMIO where no memslot is, a write to a READONLY memslot, or an instruction that writes to what KVM protects",
        FaultOutcome.WriteProtected => "a write to a guest page that KVM keeps write-protected as it holds a guest's page table (shadow paging); kernels that do not tell it apart say EMULATE",
        FaultOutcome.Efault => "KVM_RUN fails with EFAULT: the host has nothing there that KVM maps, and most VMMs stop",
        FaultOutcome.Eintr => "a signal interrupted the lookup of the page: KVM_RUN returns to the VMM, which may call it again",
        FaultOutcome.Sigbus => "the host page is poisoned: the VMM's thread gets SIGBUS",
        FaultOutcome.Async => "the page needs I/O: an async page fault is queued, and the vCPU halts or does other work until the page is there",
        FaultOutcome.Abort => "an external abort is injected into the guest, which goes on in its handler",
        FaultOutcome.Enosys => "KVM_RUN fails: no memory is there, and the syndrome does not tell the access (ISV=0), so it cannot be emulated",
        _ => throw Untold(outcome),
    };

    private static string Meaning(FaultPath path) => path switch
    {
        FaultPath.Fast => "the fast page fault: no lookup, no mmu_lock, one compare-exchange on the SPTE",
        FaultPath.GupFast => "get_user_pages_fast_only: the host's page table is walked with interrupts off, no lock is taken",
        FaultPath.GupSlow => "get_user_pages with mmap_lock, which may sleep and fault the page in",
        FaultPath.Remapped => "a VM_IO or VM_PFNMAP mapping: the driver's page-table entry is followed (follow_pte, follow_pfnmap_start), its fault handler called if there is none",
        FaultPath.NoSlot => "no memslot: no lookup, the access is MMIO",
        FaultPath.MmioCached => "an MMIO SPTE or the vCPU's MMIO cache knows the address: no lookup",
        FaultPath.GuestMemfd => "the page comes from the memslot's guest_memfd",
        FaultPath.AccessFlag => "arm64: the leaf is there and only its access flag was clear; it is set, no lookup",
        _ => throw Untold(path),
    };

    private static string Meaning(Certainty certainty) => certainty switch
    {
        Certainty.Known => "records say all that the answer rests on",
        Certainty.Inferred => "something that it rests on follows from other records by a rule",
        Certainty.Assumed => "something that it rests on is neither recorded nor follows: the usual case was taken",
        _ => throw Untold(certainty),
    };

    private static string Meaning(RetryCause cause) => cause switch
    {
        RetryCause.PrecheckBeforeLookup => "a notifier window over the page is open, seen without a lock before the page is looked up",
        RetryCause.PrecheckAfterLookup => "a notifier window over the page opened during the lookup, seen before mmu_lock is taken",
        RetryCause.WindowOpen => "mmu_invalidate_in_progress is not 0 under mmu_lock, and the page is in the invalidated range",
        RetryCause.SeqMoved => "mmu_invalidate_seq has changed since the fault read it: a window has ended meanwhile",
        RetryCause.SlotInvalid => "the memslot is about to be deleted or moved",
        RetryCause.RootObsolete => "all roots were zapped since the vCPU loaded its own",
        RetryCause.Async => "an async page fault is under way; the outcome is ASYNC",
        RetryCause.Poison => "the lookup met a poisoned page",
        RetryCause.LostRace => "the compare-exchange on the SPTE failed",
        RetryCause.LeafThere => "arm64: -EAGAIN, as another vCPU has mapped the same page",
        RetryCause.LeafGone => "arm64: -EAGAIN, as the leaf whose permissions were to be added is not there any more",
        _ => throw Untold(cause),
    };

    private static string Meaning(ObservedBy by) => by switch
    {
        Timeline.ObservedBy.HandlerReturn => "the value that the fault handler returned, by a return probe",
        Timeline.ObservedBy.UserspaceExit => "errno of the exit to user space",
        Timeline.ObservedBy.FastPageFault => "the fast path's own event",
        Timeline.ObservedBy.SetSpte => "the leaf that was made within the fault",
        Timeline.ObservedBy.Mmio => "mark_mmio_spte, handle_mmio_page_fault, kvm_mmio or kvm_emulate_insn",
        Timeline.ObservedBy.Entry => "nothing but the vCPU's re-entry: a fault of which none of the above came is taken for RETRY",
        Timeline.ObservedBy.NextFault => "arm64: whether the vCPU faults on the same page again",
        _ => throw Untold(by),
    };

    private static string Meaning(LatencyEnd end) => end switch
    {
        LatencyEnd.Return => "the fault handler's return (probe)",
        LatencyEnd.Entry => "kvm_entry: the way back into the guest is included",
        LatencyEnd.Exit => "kvm_userspace_exit: KVM_RUN returned to the VMM",
        _ => throw Untold(end),
    };

    // What decides in the models' rules; phrases that say it already need no more.
    private static string Memory(PageKind kind)
    {
        StructPage page = kind.StructPage();
        return kind switch
        {
            PageKind.NoSlot or PageKind.N or PageKind.Free or PageKind.P4 or PageKind.P10 or PageKind.Pz or PageKind.P5 or PageKind.P0 => "",
            PageKind.P7 => "; the block's first page has refcount 1",
            _ when !page.Valid => ", no struct page",
            _ when page.CountKnown => $", refcount {page.Count}",
            _ => ", with a refcount",
        };
    }

    private static ArgumentOutOfRangeException Untold(Enum value) => new(nameof(value), value, "has no meaning in the vocabulary");
}
