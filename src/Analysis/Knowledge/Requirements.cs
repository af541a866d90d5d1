using static TraceReplay.Analysis.Knowledge.Source;

namespace TraceReplay.Analysis.Knowledge;

/// <summary>A fact that a replay needs and where it can come from (spec 8.3, 9.6, 16).</summary>
/// <param name="Fact">What is to be known.</param>
/// <param name="Known">Records that say it; one of them is enough.</param>
/// <param name="Inferred">Records from which it follows with less than certainty.</param>
/// <param name="Assumption">What replay takes to be so where nothing was recorded.</param>
public sealed record Requirement(string Fact, IReadOnlyList<Source> Known, IReadOnlyList<Source> Inferred, string Assumption);

// Where a function changed its name between 6.12 and 7.2 is not established (spec 17, NE-7); 6.13 stands for it.

/// <summary>The table of requirements, in the order in which a fault meets them.</summary>
public static class Requirements
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
        new("GUP or PFNMAP path (AS-2)",
            [Entry("follow_pfnmap_start", from: "6.12"), Entry("follow_pte", before: "6.12")],
            [Entry("fixup_user_fault"), Entry("vmf_insert_pfn_prot"), Entry("remap_pfn_range")],
            "GUP for every pfn that is RAM"),
        new("host PTEs that a driver set", [Entry("vmf_insert_pfn_prot"), Entry("remap_pfn_range")],
            [Return("follow_pfnmap_start", from: "6.12"), Return("hva_to_pfn")],
            "present from the first fault on, until an invalidation"),
        new("order of TTM's blocks (AS-4)", ["kmem:mm_page_alloc"], [],
            "unknown order: any PFNMAP page of RAM may be a tail with refcount 0"),
        new("allocations that are TTM's (AS-4)", [Entry("ttm_pool_alloc")], [Entry("ttm_tt_populate"), Entry("ttm_bo_vm_fault_reserved")],
            "every order > 0 allocation without __GFP_COMP could be TTM's"),
        new("moves and evictions of buffers", [Entry("ttm_bo_handle_move_mem"), "amdgpu:amdgpu_bo_move"],
            [Entry("ttm_bo_unmap_virtual"), Entry("unmap_mapping_range"), "kvm:kvm_unmap_hva_range"],
            "none"),
        new("refcount of a struct page (AS-3)", ["page_ref:page_ref_mod", "page_ref:page_ref_set"], [],
            "what the page kind implies (needs CONFIG_DEBUG_PAGE_REF)"),
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
        new("ageing of pages", ["kvm:kvm_age_hva", "kvm:kvm_test_age_hva", Entry("kvm_mmu_notifier_clear_flush_young"), Entry("kvm_mmu_notifier_clear_young")], [],
            "none"),
        new("MMIO and emulation", ["kvm:kvm_mmio", "kvmmmu:handle_mmio_page_fault"], ["kvm:kvm_emulate_insn", "kvm:kvm_userspace_exit"],
            "a gfn without memslot is MMIO"),
        new("nested guests (AS-9)", ["kvm:kvm_nested_vmenter", "kvm:kvm_nested_vmrun"], [],
            "none: every fault is the first-level guest's"),
    ];
}
