namespace TraceReplay.Replay.Models;

/// <summary>Parameters by which kernels differ within one model: the columns of spec 0.4, as data.</summary>
public sealed record ModelSettings
{
    /// <summary>The name a user gives, such as "6.12".</summary>
    public required string Name { get; init; }

    /// <summary>P_RANGE_UNIT: the invalidate hull is kept in hva bytes, not in gfns.</summary>
    public bool HullInHva { get; init; }

    /// <summary>P_PRECHECK: lock-free retry checks before and after the pfn lookup.</summary>
    public bool Prechecks { get; init; }

    /// <summary>The first of these checks comes before the memslot is seen to be INVALID (spec 3.3).</summary>
    public bool PrecheckBeforeInvalidSlot { get; init; }

    /// <summary>P_SIGPENDING: an interrupted lookup ends in EINTR.</summary>
    public bool SignalPending { get; init; }

    /// <summary>P_PFNMAP_HUGE: the remapped lookup understands huge leaves.</summary>
    public bool PfnMapHuge { get; init; }

    /// <summary>P_RELEASE_EXACT: the pfn released is the pfn taken.</summary>
    public bool ReleaseExact { get; init; }

    /// <summary>P_WRPROT_OUTCOME: RET_PF_WRITE_PROTECTED is an outcome of its own.</summary>
    public bool WriteProtectedOutcome { get; init; }

    /// <summary>Log-dirty off rebuilds huge leaves in place instead of zapping (spec 4.7).</summary>
    public bool RebuildHugeInPlace { get; init; }

    /// <summary>A present leaf that permits the access ends the fault before a new SPTE is made (spec 4.4).</summary>
    public bool EarlySpurious { get; init; }

    /// <summary>A writable leaf is made dirty even if the old one was writable already (spec 4.3).</summary>
    public bool AlwaysDirty { get; init; }

    /// <summary>Before f8be156be163 (June 2021): a remapped page is got whatever its count.</summary>
    public bool UnconditionalGet { get; init; }

    /// <summary>P_EAGAIN_SIG: a lookup that cannot get mmap_lock because the task is being killed ends in EINTR.</summary>
    public bool AgainIsSignal { get; init; }

    /// <summary>P_LOCKLESS_AGE, and not P_FLUSH_ON_AGE: aging takes no mmu_lock and flushes nothing.</summary>
    public bool LocklessAge { get; init; }

    /// <summary>P_CHANGE_PTE: the .change_pte notifier exists.</summary>
    public bool ChangePte { get; init; }

    /// <summary>P_ZAP_BEFORE_MMIO: the shadow MMU zaps a present SPTE before it writes an MMIO SPTE over it.</summary>
    public bool ZapBeforeMmio { get; init; }

    /// <summary>P_MMIO_GEN_BITS: bits of the memslot generation in an MMIO SPTE.</summary>
    public int MmioGenerationBits { get; init; } = 19;

    /// <summary>The mitigation against executable huge pages is on: an instruction fetch maps 4 KiB.</summary>
    public bool NxHugePages { get; init; }

    /// <summary>Module parameter allow_unsafe_mappings.</summary>
    public bool AllowUnsafeMappings { get; init; }

    /// <summary>pfn caches watch a sequence of their own, which every window moves, also one over no memslot.</summary>
    public bool PfnCacheSeq { get; init; }

    /// <summary>kvm_vcpu_map lets go of what the map held before.</summary>
    public bool VcpuMapGuard { get; init; }

    /// <summary>arm64: an early exit after the lookup forgets the page's reference.</summary>
    public bool LeaksOnEarlyExit { get; init; }

    /// <summary>
    /// A candidate for 7.1's regression: a remapped write that meets a read-only leaf asks the driver's fault handler for a writable one once,
    /// and looks again. Nobody has merged it.
    /// </summary>
    public bool MakesWritable { get; init; }

    /// <summary>arm64, P_HWPOISON_REGUP: a failed lookup that may wait is made once more, to ask whether the page is poisoned.</summary>
    public bool PoisonLookup { get; init; }

    /// <summary>arm64: a fault that maps a huge page puts its reference and gets one on the head page.</summary>
    public bool MovesReference { get; init; }

    /// <summary>arm64: changing the permissions of a leaf that is gone ends in -EAGAIN; up to 6.1 it does nothing and succeeds.</summary>
    public bool RelaxNeedsLeaf { get; init; }

    /// <summary>arm64, 6.17 and later: a cacheable VMA makes a PFNMAP page normal memory, and a CPU without S2FWB and DIC refuses the memslot.</summary>
    public bool CacheableByVma { get; init; }

    /// <summary>arm64: the CPU lacks S2FWB or DIC, so that a memslot over cacheable PFNMAP memory is refused.</summary>
    public bool RefusesCacheablePfnMap { get; init; }

    public static ModelSettings Kernel61 { get; } = new() { Name = "6.1", HullInHva = true, ReleaseExact = true, ChangePte = true, ZapBeforeMmio = true };

    public static ModelSettings Pre2021 { get; } = Kernel61 with { Name = "pre2021", UnconditionalGet = true, ZapBeforeMmio = false };

    public static ModelSettings Kernel68 { get; } = new() { Name = "6.8", Prechecks = true, PrecheckBeforeInvalidSlot = true, SignalPending = true, ChangePte = true };

    public static ModelSettings Kernel612 { get; } = Kernel68 with
    {
        Name = "6.12",
        PrecheckBeforeInvalidSlot = false,
        PfnMapHuge = true,
        ReleaseExact = true,
        WriteProtectedOutcome = true,
        ChangePte = false,
        ZapBeforeMmio = true,
    };

    public static ModelSettings Kernel7 { get; } = Kernel612 with
    {
        Name = "7.x",
        LocklessAge = true,
        RebuildHugeInPlace = true,
        EarlySpurious = true,
        AlwaysDirty = true,
        AgainIsSignal = true,
        MmioGenerationBits = 18,
    };

    /// <summary>7.x with the candidate fix for what drivers map read-only first.</summary>
    public static ModelSettings Kernel7MkWrite { get; } = Kernel7 with { Name = "mkwrite", MakesWritable = true };

    /// <summary>7.x on an arm64 CPU without S2FWB and DIC; x86 has no such thing.</summary>
    public static ModelSettings Kernel7WithoutFwb { get; } = Kernel7 with { Name = Arm64.Stage2Settings.WithoutFwb };

    /// <summary>What was merged first: on arm64 two early exits leaked a reference (spec 7, known leak bugs).</summary>
    public static ModelSettings Kernel613 { get; } = Kernel7 with { Name = "6.13", LeaksOnEarlyExit = true };

    public static ModelSettings Kernel73 { get; } = Kernel7 with { Name = "7.3", PfnCacheSeq = true, VcpuMapGuard = true };

    /// <summary>The tree that v11 was posted against: 6.8 before the prechecks came in.</summary>
    public static ModelSettings V11Posted { get; } = Kernel68 with { Name = "posted", Prechecks = false };
}
