using static TraceReplay.Analysis.Knowledge.Source;

namespace TraceReplay.Analysis.Knowledge;

/// <summary>What a replay needs to know of the host's memory, whatever the machine.</summary>
internal static class HostRequirements
{
    public static Requirement Path { get; } = new("GUP or PFNMAP path (AS-2)",
            [Entry("follow_pfnmap_start", from: "6.12"), Entry("follow_pte", before: "6.12")],
            [Entry("fixup_user_fault"), Entry("vmf_insert_pfn_prot"), Entry("remap_pfn_range")],
            "GUP for every pfn that is RAM");

    public static Requirement Inserted { get; } = new("host PTEs that a driver set", [Entry("vmf_insert_pfn_prot"), Entry("remap_pfn_range")],
            [Return("follow_pfnmap_start", from: "6.12"), Return("hva_to_pfn")],
            "present from the first fault on, until an invalidation");

    public static Requirement Orders { get; } = new("order of TTM's blocks (AS-4)", ["kmem:mm_page_alloc"], [],
            "unknown order: any PFNMAP page of RAM may be a tail with refcount 0");

    public static Requirement Allocations { get; } = new("allocations that are TTM's (AS-4)", [Entry("ttm_pool_alloc")], [Entry("ttm_tt_populate"), Entry("ttm_bo_vm_fault_reserved")],
            "every order > 0 allocation without __GFP_COMP could be TTM's");

    public static Requirement Moves { get; } = new("moves and evictions of buffers", [Entry("ttm_bo_handle_move_mem"), "amdgpu:amdgpu_bo_move"],
            [Entry("ttm_bo_unmap_virtual"), Entry("unmap_mapping_range"), "kvm:kvm_unmap_hva_range"],
            "none");

    public static Requirement Refcount { get; } = new("refcount of a struct page (AS-3)", ["page_ref:page_ref_mod", "page_ref:page_ref_set"], [],
            "what the page kind implies (needs CONFIG_DEBUG_PAGE_REF)");

    public static Requirement Ageing { get; } = new("ageing of pages", ["kvm:kvm_age_hva", "kvm:kvm_test_age_hva", Entry("kvm_mmu_notifier_clear_flush_young"), Entry("kvm_mmu_notifier_clear_young")], [],
            "none");
}
