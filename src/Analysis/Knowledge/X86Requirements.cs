using static TraceReplay.Analysis.Knowledge.Source;

namespace TraceReplay.Analysis.Knowledge;

// Where a function changed its name between 6.12 and 7.2 is not established (spec 17, NE-7); 6.13 stands for it.

/// <summary>Those of x86, in the order in which a fault meets them.</summary>
internal static class X86Requirements
{
    public static IReadOnlyList<Requirement> All { get; } =
    [
        new("faults: address and access", ["kvm:kvm_page_fault"], ["kvmmmu:kvm_mmu_spte_requested"],
            "nothing to replay without faults"),
        new("begin and end of a fault", ["kvm:kvm_entry"], ["kvm:kvm_exit", Return("kvm_tdp_page_fault")],
            "latency unknown; a fault ends with the thread's next fault"),
        new("outcome of a fault",
            [Return("kvm_tdp_page_fault"), Return("kvm_mmu_do_page_fault"), Return("direct_page_fault")],
            ["kvmmmu:kvm_mmu_set_spte", "kvmmmu:kvm_tdp_mmu_spte_changed", "kvm:kvm_userspace_exit"],
            "UNKNOWN"),
        new("EFAULT that reached user space", ["kvm:kvm_userspace_exit"], [Return("kvm_tdp_page_fault")],
            "a fault that maps nothing and exits counts as UNKNOWN"),
        new("faults solved without a lookup", ["kvmmmu:fast_page_fault"], [Return("kvm_tdp_page_fault")],
            "none"),
        new("memslots (AS-1)",
            [Entry("__kvm_set_memory_region", before: "6.13"), Entry("kvm_set_memory_region", from: "6.13")],
            [Entry("kvm_faultin_pfn", from: "5.16", before: "6.13"), Entry("kvm_mmu_faultin_pfn", from: "6.13"), Entry("hva_to_pfn")],
            "one slot over every gfn that faults; host addresses unknown"),
        new("what the lookup returned",
            [Return("hva_to_pfn"), Return("kvm_faultin_pfn", from: "5.16", before: "6.13"), Return("kvm_mmu_faultin_pfn", from: "6.13"), Return("__kvm_faultin_pfn", from: "6.13")],
            ["kvmmmu:kvm_mmu_spte_requested", "kvmmmu:kvm_mmu_set_spte", "kvmmmu:kvm_tdp_mmu_spte_changed"],
            "the page kind's usual answer"),
        HostRequirements.Path,
        HostRequirements.Inserted,
        HostRequirements.Orders,
        HostRequirements.Allocations,
        HostRequirements.Moves,
        HostRequirements.Refcount,
        new("SPTEs as KVM set them", ["kvmmmu:kvm_tdp_mmu_spte_changed"], ["kvmmmu:kvm_mmu_set_spte"],
            "those the model sets"),
        new("begin of an invalidation",
            [Entry("kvm_mmu_notifier_invalidate_range_start"), "kvm:kvm_unmap_hva_range", Entry("__mmu_notifier_invalidate_range_start")],
            ["kvmmmu:kvm_tdp_mmu_spte_changed"],
            "none"),
        new("end of an invalidation (AS-5)",
            [Entry("kvm_mmu_notifier_invalidate_range_end"), Entry("kvm_mmu_invalidate_end", from: "6.0"), Entry("__mmu_notifier_invalidate_range_end")],
            ["kvm:kvm_unmap_hva_range"],
            "the task's next event outside the notifier"),
        new("mmu_invalidate_seq at the lookup",
            [Return("kvm_faultin_pfn", from: "6.12", before: "6.13"), Return("kvm_mmu_faultin_pfn", from: "6.13")],
            [Entry("kvm_mmu_invalidate_end", from: "6.0"), Entry("kvm_mmu_notifier_invalidate_range_end")],
            "the count of windows begun so far"),
        HostRequirements.Ageing,
        new("MMIO and emulation", ["kvm:kvm_mmio", "kvmmmu:handle_mmio_page_fault"], ["kvm:kvm_emulate_insn", "kvm:kvm_userspace_exit"],
            "a gfn without memslot is MMIO"),
        new("nested guests (AS-9)", ["kvm:kvm_nested_vmenter", "kvm:kvm_nested_vmrun"], [],
            "none: every fault is the first-level guest's"),
    ];
}
