using static TraceReplay.Analysis.Knowledge.Source;

namespace TraceReplay.Analysis.Knowledge;

/// <summary>Those of arm64, in the order in which an abort meets them. No kernel there has events for its leaves: only probes tell of them.</summary>
internal static class Arm64Requirements
{
    private const string OtherAborts = "kvm:kvm_entry";
    private const string UserspaceExit = "kvm:kvm_userspace_exit";

    // Which function the kernel's calls reach, and under which name, is as in the definitions of src/Analysis/Probes.

    /// <summary>Where memslots are recorded, or shown by a fault's lookup.</summary>
    public static IReadOnlyList<Source> Memslots { get; } =
    [
        Entry("kvm_set_memory_region", from: "6.6"), Entry("__kvm_set_memory_region", before: "6.6"),
        Entry("__gfn_to_pfn_memslot", before: "6.13"), Entry("user_mem_abort", from: "6.13"),
    ];

    public static IReadOnlyList<Requirement> All { get; } =
    [
        new("faults: address and access", ["kvm:kvm_guest_fault"], [],
            "nothing to replay without faults"),
        new("begin and end of a fault", ["kvm:kvm_entry"], ["kvm:kvm_exit", Return("kvm_handle_guest_abort")],
            "latency unknown; a fault ends with the thread's next fault"),
        new("outcome of a fault", [Return("kvm_handle_guest_abort")], [UserspaceExit, "kvm:kvm_mmio", OtherAborts],
            "UNKNOWN"),
        new("mapped, or to be tried again", [Return("kvm_pgtable_stage2_map")], [OtherAborts],
            "UNKNOWN: the handler returns 1 for both"),
        new("EFAULT, ENOSYS to user space", [UserspaceExit], [Return("kvm_handle_guest_abort")],
            "a fault that maps nothing and exits counts as UNKNOWN"),
        new("aborts injected into the guest", [Entry("inject_abt64", before: "6.13"), Entry("kvm_inject_sea", from: "6.13")], [],
            "none, but where a fetch ends in the guest's vector table the end is UNKNOWN"),
        new("memslots (AS-1)", [.. Memslots.Take(2)], [.. Memslots.Skip(2), OtherAborts],
            "which gfns have one is not known; their faults have no verdict"),
        new("what the lookup returned",
            [Return("hva_to_pfn"), Return("__gfn_to_pfn_memslot", before: "6.13"), Return("__kvm_faultin_pfn", from: "6.13")],
            [Entry("kvm_pgtable_stage2_map"), OtherAborts],
            "UNKNOWN"),
        HostRequirements.Path,
        HostRequirements.Inserted,
        new("normal or device memory", [Return("pfn_is_map_memory")], [Entry("kvm_pgtable_stage2_map"), Entry("remap_pfn_range")],
            "what the page kind implies"),
        HostRequirements.Orders,
        HostRequirements.Allocations,
        HostRequirements.Moves,
        HostRequirements.Refcount,
        new("stage-2 leaves as KVM set them", [Entry("kvm_pgtable_stage2_map")], [],
            "those the model sets"),
        new("permissions that KVM added", [Entry("kvm_pgtable_stage2_relax_perms")], [],
            "those the model adds"),
        new("leaves taken away", [Entry("kvm_pgtable_stage2_unmap")], ["kvm:kvm_unmap_hva_range", Entry("kvm_mmu_notifier_invalidate_range_start")],
            "those that a window of the host covers; there is no record for each"),
        new("begin of an invalidation",
            [Entry("kvm_mmu_notifier_invalidate_range_start"), "kvm:kvm_unmap_hva_range", Entry("__mmu_notifier_invalidate_range_start")],
            [], "none"),
        new("end of an invalidation (AS-5)",
            [Entry("kvm_mmu_notifier_invalidate_range_end"), Entry("kvm_mmu_invalidate_end", from: "6.6"), Entry("__mmu_notifier_invalidate_range_end")],
            ["kvm:kvm_unmap_hva_range"],
            "the task's next event outside the notifier"),
        HostRequirements.Ageing,
        new("MMIO", ["kvm:kvm_mmio", Entry("io_mem_abort")], [UserspaceExit],
            "a gfn without memslot is MMIO"),
        new("S2FWB and DIC of the CPU (AS-8)", [], [Return("kvm_set_memory_region", from: "6.6"), Return("__kvm_set_memory_region", before: "6.6")],
            "present; a kernel from 6.17 on without them refuses a memslot over cacheable memory of a driver"),
        new("nested guests (AS-9)", [Entry("user_mem_abort", from: "6.13")], [],
            "none: every fault is the first-level guest's"),
    ];
}
