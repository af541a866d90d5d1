using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Cost.Measuring;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Results;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Vocabularies;

/// <summary>The values of the other result tables.</summary>
public static class TableWords
{
    public static Vocabulary Models { get; } = new("model", "the models", [.. ModelRegistry.All.Select(model => new Word(model.Name, model.Summary))]);

    /// <summary>Where a model's name stands, or the kernel's own records.</summary>
    public static Vocabulary Judged { get; } = new("judged", "whose behaviour an invariant is evaluated on", [.. Models.Words, new(InvariantList.KernelName, "the captured kernel's own records, without a model")]);

    public static Vocabulary Assumptions { get; } = new("assumption", "what a replay rests on besides the records",
    [
        new("AS-1", "memslots: from probes on the region calls and on lookups, or inferred from how faults ended"),
        new("AS-2", "kinds of VMA (VM_IO, VM_PFNMAP, anonymous, file), and whether the host maps a page writable: from the driver's insertions, followed lookups and mmap calls at the time of the event"),
        new("AS-3", "refcounts: no event tells those of struct page, the page kind gives them"),
        new("AS-4", "orders of the blocks in TTM buffers: from kmem:mm_page_alloc, or taken as the allocator prefers them"),
        new("AS-5", "where notifier windows begin and end: by probes, or by the next event that cannot happen inside of one"),
        new("AS-6", "order of events: clock, how far two CPUs' clocks lie apart, and how many faults have a set of outcomes for that reason"),
        new("AS-7", "records that are missing: lost by the recorder, faults without an end, events whose values the capture does not tell"),
        new("AS-8", "the kernel: release, vendor, accessed and dirty bits, and settings that no record shows"),
        new("AS-9", "nested guests: not written as a row; their faults have the kind nested and are judged by no model"),
        new("AS-10", "counterfactual: a model of another kernel sees the accesses that the captured kernel saw, though its own guest might have made others"),
        new("AS-11", "whose an event is: which VM where there are several, and leaf changes that are taken as they were seen"),
        new(InferencePrice.Writable, "only without probes: whether the host maps a page writable that no earlier leaf shows"),
        new(InferencePrice.Outcome, "only without probes: the outcomes that the captured kernel's model predicts"),
        new(InferencePrice.Observed, "only without probes: how faults ended, by the events that are left"),
    ]);

    public static Vocabulary AssumptionValues { get; } = new("value", "how well it is known",
    [
        new("known", "records say it"),
        new("inferred", "it follows from other records by a rule, or a part of it does"),
        new("assumed", "the usual case was taken, or a part of it was"),
        new("unknown", "nothing was taken: what rests on it stays unknown"),
    ]);

    public static Vocabulary WindowEnds { get; } = new("ended_by", "how it is known that a notifier window has ended", [.. Enum.GetValues<WindowEnd>().Where(end => end != WindowEnd.None).Select(end => new Word(WindowTable.By(end)!, Meaning(end)))]);

    public static Vocabulary NotifierEvents { get; } = new("notifier_event", "enum mmu_notifier_event: why the host invalidates", [.. WindowTable.Events.Select(name => new Word(name, NotifierMeaning(name)))]);

    public static Vocabulary Quantities { get; } = new("quantity", "in what a model is compared with its kernel", [.. FidelityQuantities.All.Select(quantity => new Word(quantity.Name(), Meaning(quantity)))]);

    public static Vocabulary Verdicts { get; } = new("violation", "how certain a breach is",
    [
        new(ViolationTable.Violated, "the breach is certain"),
        new(ViolationTable.Violable, "it is there unless two records came in another order, or a lost record explains it"),
    ]);

    public static Vocabulary InvariantIds { get; } = new("invariant", "what must hold whichever model runs", [.. InvariantList.All.Select(invariant => new Word(invariant.Id, invariant.Statement))]);

    public static Vocabulary Works { get; } = new("work", "what a model did",
    [
        new("fault", "a guest page fault, whole"),
        new("window_begin", "a notifier window began: its range is zapped"),
        new("window_end", "it ended: the sequence moves on"),
        new("zap_all", "all roots went: a memslot was deleted or moved"),
        new("zap_leaf", "one leaf went outside of any window"),
        new("dirty_log", "a leaf was write-protected, or its dirty bit cleared, for the dirty log"),
        new("split", "a huge leaf became 512 smaller ones"),
        new("collapse", "small leaves became one huge leaf"),
        new("age", "accessed bits were tested and cleared"),
        new("vcpu_map", "the kernel mapped or unmapped a guest page for its own use"),
        new("prefetch", "shadow paging mapped the neighbours of a faulting page"),
        new("other", "anything else that costs an operation"),
    ]);

    public static Vocabulary Measured { get; } = new("measured", "what a measurement of the models' own code may be said to show",
    [
        new(MeasuredRow.Baseline, "the model that the others are compared with"),
        new(MeasuredRow.Slower, "the whole interval of the ratio lies above 1"),
        new(MeasuredRow.Faster, "the whole interval of the ratio lies below 1"),
        new(MeasuredRow.NoDifference, "the interval holds 1"),
        new(MeasuredRow.TooLittle, "the harness's own cost hides the model's"),
    ]);

    /// <summary>What each operation of <c>cost_counts</c> counts, in the order of its columns.</summary>
    public static Vocabulary CostOperations { get; } = new("operation", "what a model counts", [.. Enum.GetValues<CostOperation>().Select(operation => new Word(Cost.CostOperations.Names[(int)operation], Meaning(operation)))]);

    private static string Meaning(WindowEnd end) => end switch
    {
        WindowEnd.Probe => "a probe on kvm_mmu_notifier_invalidate_range_end",
        WindowEnd.StartRefused => "its start may not block and gave up, so that no end comes",
        WindowEnd.NextEvent => "its task did something that cannot happen inside of a window",
        WindowEnd.Fault => "another task faulted in its range, whole, and got a page",
        WindowEnd.Loss => "records were lost, and the end with them",
        _ => throw Untold(end),
    };

    private static string NotifierMeaning(string name) => name switch
    {
        "UNMAP" => "munmap, or mremap away",
        "CLEAR" => "page-table entries are cleared: page replaced, truncated, moved (a driver's unmap_mapping_range too)",
        "PROTECTION_VMA" => "mprotect, or NUMA balancing",
        "PROTECTION_PAGE" => "write protection of single pages (KSM, copy-on-write, dirty tracking of files)",
        "SOFT_DIRTY" => "soft-dirty bits are cleared through /proc/PID/clear_refs",
        "RELEASE" => "the address space goes",
        "MIGRATE" => "pages move to or from a device (ZONE_DEVICE)",
        "EXCLUSIVE" => "a device takes a page for itself",
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "has no meaning in the vocabulary"),
    };

    private static string Meaning(FidelityQuantity quantity) => quantity switch
    {
        FidelityQuantity.Outcome => "how a fault ended; every fault of the trace counts",
        FidelityQuantity.Pfn => "the page frame in the leaf that a fault left",
        FidelityQuantity.Level => "the level of that leaf",
        FidelityQuantity.Writable => "whether that leaf permits writes",
        FidelityQuantity.Spte => "all bits of that leaf",
        FidelityQuantity.Refs => "the references that the fault put back",
        FidelityQuantity.LeafChange => "changes of leaves by others than faults: zaps, aging",
        FidelityQuantity.InvalidateSeq => "mmu_invalidate_seq when a window ends",
        FidelityQuantity.InProgress => "mmu_invalidate_in_progress when a window ends",
        _ => throw Untold(quantity),
    };

    private static string Meaning(CostOperation operation) => operation switch
    {
        CostOperation.SlotLookup => "steps to find the memslot: 1 if it is the one found last, else log2 of their number",
        CostOperation.SeqLoad => "loads of mmu_invalidate_seq with their barrier",
        CostOperation.PrecheckLoad => "loads of the two checks for invalidation without a lock, 2 each",
        CostOperation.StaleLoad => "loads of the check under mmu_lock: 2, and 2 more for the range while a window is open",
        CostOperation.WalkFast => "host page-table loads of get_user_pages_fast_only",
        CostOperation.WalkSlow => "host page-table loads of get_user_pages",
        CostOperation.WalkRemapped => "host page-table loads to follow a remapped leaf",
        CostOperation.WalkLevel => "host page-table loads that find the level of the host's mapping",
        CostOperation.WalkTdp => "loads of the walk down the second-level tables (TDP, stage 2)",
        CostOperation.MmapLock => "atomic operations on mmap_lock for reading; taking and dropping is 2",
        CostOperation.VmaLookup => "lookups of a VMA",
        CostOperation.PageTableLock => "page-table locks taken",
        CostOperation.HostFault => "calls of handle_mm_fault by get_user_pages: the page was not there",
        CostOperation.DriverFault => "calls of fixup_user_fault: the driver's fault handler",
        CostOperation.PoisonLookup => "extra lookups that only ask whether the page is poisoned",
        CostOperation.RefGet => "references taken",
        CostOperation.RefPut => "references put",
        CostOperation.RefPutInLookup => "of ref_put, those inside the lookup",
        CostOperation.RefPutLocked => "of ref_put, those while mmu_lock is held",
        CostOperation.RefTryFail => "times that get_page_unless_zero found a count of 0",
        CostOperation.MemmapCheck => "times that the memmap was asked about a pfn: is there a struct page, is it reserved",
        CostOperation.PageLine => "different struct page cache lines touched",
        CostOperation.MarkAccessed => "pages marked accessed",
        CostOperation.MarkDirty => "pages marked dirty",
        CostOperation.MarkLocked => "of the marks, those while mmu_lock is held",
        CostOperation.MmuLockRead => "atomic operations on mmu_lock for reading; taking and dropping is 2",
        CostOperation.MmuLockWrite => "atomic operations on mmu_lock for writing; taking and dropping is 2",
        CostOperation.NotifierLock => "atomic operations on the spinlock that counts notifier windows; taking and dropping is 2",
        CostOperation.PfnCacheSeq => "moves of the pfn caches' own sequence",
        CostOperation.SpteCas => "compare-exchanges on an SPTE",
        CostOperation.SpteStore => "SPTEs or stage-2 leaves written by exchange or store; 2 where a present one is broken first",
        CostOperation.SpteClear => "bits of an SPTE cleared atomically",
        CostOperation.MemtypeFlag => "x86: page flags read to choose the memory type",
        CostOperation.MemtypeSearch => "x86: searches in PAT and e820 to choose the memory type of a pfn without memmap",
        CostOperation.SlotDirty => "entries in the memslot's dirty log",
        CostOperation.TlbFlush => "flushes of the guest's TLB entries; on arm64 TLBIs, one for each leaf",
        CostOperation.Retry => "times that the fault retried",
        CostOperation.AsyncFault => "async page faults queued",
        _ => throw Untold(operation),
    };

    private static ArgumentOutOfRangeException Untold(Enum value) => new(nameof(value), value, "has no meaning in the vocabulary");
}
