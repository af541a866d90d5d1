using static TraceReplay.Analysis.Knowledge.Source;

namespace TraceReplay.Analysis.Knowledge;

/// <summary>One thing that can be recorded.</summary>
/// <param name="Any">One of these is enough; the first that the kernel has is the advice.</param>
/// <param name="Faults">How many faults it concerns.</param>
/// <param name="Tells">What it tells of them.</param>
internal sealed record AdviceLine(Source[] Any, Func<FaultCounts, long> Faults, string Tells);

/// <summary>What may be advised, in the order of weight where as many faults are concerned: what was enough in captures that were tried with few probes comes first.</summary>
internal static class AdviceLines
{
    private static readonly AdviceLine s_windows = new([new Source("kvm:kvm_unmap_hva_range", SourceKind.Event, new Version(5, 13)), Entry("kvm_mmu_notifier_invalidate_range_start")], c => c.Faults, "when the host takes pages back");
    private static readonly AdviceLine s_lookup = new([Return("hva_to_pfn")], c => c.Unmapped, "what the lookup of a page returned");
    private static readonly AdviceLine s_followed = new([Return("follow_pfnmap_start", from: "6.12"), Return("follow_pte", before: "6.12")], c => c.Unmapped, "what a driver mapped, or that it refused");
    private static readonly AdviceLine s_inserted = new([Return("vmf_insert_pfn_prot", before: "6.12")], c => c.Followed, "the pfn that a driver inserted, which follow_pte does not show");
    private static readonly AdviceLine s_mmap = new(["syscalls:sys_enter_mmap", Return("hva_to_pfn")], c => c.Faults, "what the VMM mapped, and with which access");
    private static readonly AdviceLine s_blocks = new(["kmem:mm_page_alloc", Return("hva_to_pfn")], c => c.Unmapped, "which pages are of a block of higher order");

    private static readonly AdviceLine[] s_x86 =
    [
        new(["kvmmmu:kvm_mmu_set_spte", "kvmmmu:kvm_tdp_mmu_spte_changed"], c => c.Faults, "what was mapped"),
        new([Entry("__kvm_set_memory_region", before: "6.13"), Entry("kvm_set_memory_region", from: "6.13"), Entry("kvm_faultin_pfn", from: "5.16", before: "6.13"), Entry("kvm_mmu_faultin_pfn", from: "6.13")],
            c => c.Faults, "the memslot, and with it the host address"),
        s_windows,
        new([Return("kvm_tdp_page_fault")], c => c.Unmapped, "how a fault ended that mapped nothing"),
        s_lookup,
        s_followed,
        s_inserted,
        new(["kvm:kvm_entry", Return("kvm_tdp_page_fault")], c => c.Unmapped, "that a fault ended without a mapping"),
        new(["kvmmmu:fast_page_fault"], c => c.Unmapped, "faults that took no lookup"),
        s_mmap,
        s_blocks,
        new([Entry("kvm_mmu_notifier_invalidate_range_end"), Entry("kvm_mmu_invalidate_end", from: "6.0"), Entry("__mmu_notifier_invalidate_range_end")],
            c => c.BesideWindows, "when an invalidation is over"),
        new([Return("kvm_faultin_pfn", from: "6.12", before: "6.13"), Return("kvm_mmu_faultin_pfn", from: "6.13"), Entry("kvm_mmu_invalidate_end", from: "6.0")],
            c => c.BesideWindows, "which invalidations a lookup came before"),
    ];

    // No event tells of stage-2 leaves, and the handler returns 1 whether it mapped, retried or injected an abort.
    private static readonly AdviceLine[] s_arm64 =
    [
        new([.. Arm64Requirements.Memslots], c => c.Faults, "the memslot, and with it the host address"),
        s_windows,
        new([Return("kvm_pgtable_stage2_map")], c => c.Faults, "what was mapped, and whether it was or must be tried again"),
        new([Return("kvm_handle_guest_abort")], c => c.Unmapped, "how a fault ended that mapped nothing"),
        s_lookup,
        s_followed,
        s_inserted,
        new(["kvm:kvm_entry", Return("kvm_handle_guest_abort")], c => c.Unmapped, "that the guest went on after a fault"),
        new(["kvm:kvm_userspace_exit", Return("kvm_handle_guest_abort")], c => c.Unmapped, "which faults KVM_RUN came back from, and with which error"),
        s_mmap,
        s_blocks,
        new([Entry("kvm_mmu_notifier_invalidate_range_end"), Entry("kvm_mmu_invalidate_end", from: "6.6"), Entry("__mmu_notifier_invalidate_range_end")],
            c => c.BesideWindows, "when an invalidation is over: any window of the VM makes a fault retry"),
    ];

    public static IReadOnlyList<AdviceLine> Of(Machine machine) => machine == Machine.Arm64 ? s_arm64 : s_x86;
}

/// <summary>Faults of a capture, those that mapped nothing, that may lie beside an invalidation, whose lookup was followed into a driver's mapping.</summary>
internal readonly record struct FaultCounts(long Faults, long Unmapped, long BesideWindows, long Followed)
{
    /// <summary>The event that each fault has.</summary>
    public static string EventOf(Machine machine) => machine == Machine.Arm64 ? "kvm:kvm_guest_fault" : "kvm:kvm_page_fault";

    public static FaultCounts Of(CaptureContents capture)
    {
        long Records(string name) => capture.Events.GetValueOrDefault(name);
        long Entries(string function) => capture.Probes.Where(site => site.Function == function && !site.IsReturn).Sum(site => Records(site.Event));
        long faults = Records(EventOf(capture.Machine));
        long mapped = capture.Machine == Machine.Arm64
            ? Entries("kvm_pgtable_stage2_map") + Entries("kvm_pgtable_stage2_relax_perms")
            : Records("kvmmmu:kvm_mmu_set_spte");
        return new FaultCounts(faults, Math.Max(0, faults - mapped), Math.Min(faults, Records("kvm:kvm_unmap_hva_range")), Math.Min(faults, Entries("follow_pte")));
    }
}
