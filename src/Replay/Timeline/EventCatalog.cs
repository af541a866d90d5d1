namespace TraceReplay.Replay.Timeline;

/// <summary>The recorded events that a replay understands; everything else in a capture is left to SQL.</summary>
public enum EventKind : byte
{
    PageFault,
    FastPageFault,
    Entry,

    /// <summary>The vCPU left its guest, for a reason that tells how it faulted.</summary>
    Exit,
    UserspaceExit,
    UnmapHvaRange,
    AgeHva,
    SpteRequested,
    SetSpte,
    SpteChanged,
    MarkMmioSpte,
    HandleMmioPageFault,
    CheckMmioSpte,
    Mmio,
    EmulateInsn,
    TryAsyncGetPage,

    /// <summary>An async page fault was queued, or was queued before for the same gfn.</summary>
    AsyncQueued,
    ZapAllFast,
    SmmTransition,

    /// <summary>The vCPU begins to run a nested guest, or returns from it to its own.</summary>
    NestedEnter,
    NestedExit,

    /// <summary>It left its nested guest, whoever handles that.</summary>
    NestedLeft,

    /// <summary>KVM walks tables that a guest keeps: the walk, an entry that it read, a page that shadows one of them.</summary>
    GuestWalk,
    GuestWalkEntry,
    ShadowPage,
    PageAlloc,
    PageFree,
    SysEnterMmap,
    SysExitMmap,
    SysEnterMunmap,
    SysEnterMprotect,
    SysEnterMremap,
    SysEnterFtruncate,
    SysExitMremap,

    SysEnterIoctl,
    SysExitIoctl,

    /// <summary>Any other recorded edge of a system call: the task is not inside a notifier.</summary>
    SyscallEdge,
    SetRegion,
    SetRegionRet,
    TdpFault,
    TdpFaultRet,
    Faultin,
    FaultinRet,
    HvaToPfn,
    HvaToPfnRet,
    FollowPfn,
    FollowPfnRet,
    FixupUserFaultRet,
    InsertPfn,
    InsertPfnRet,
    RemapPfn,
    TtmFault,
    TtmFaultRet,
    TtmMove,
    TtmMoveRet,
    NotifierStart,
    NotifierStartRet,
    NotifierEnd,
    InvalidateBegin,
    InvalidateEnd,
    Release,

    // arm64.
    GuestFault,
    GuestAbort,
    GuestAbortRet,
    AccessFault,
    MmioNoSyndrome,
    IoMemAbort,
    InjectAbort,
    GfnToPfn,
    UserMemAbort,

    /// <summary>__gfn_to_pfn_memslot or __kvm_faultin_pfn has returned.</summary>
    LookupRet,
    MapMemoryRet,
    S2Map,
    S2MapRet,
    S2Relax,
    S2RelaxRet,
    S2MakeYoung,
    S2Unmap,
    S2WriteProtect,
    SetSpteHva,
    ChangePte,
}

/// <summary>One source of an event kind.</summary>
/// <param name="Kind">What it means to the replay.</param>
/// <param name="Event">system.event for the kernel's own events, null for a probe.</param>
/// <param name="Functions">For a probe: the kernel functions it may sit on. The name of the probe plays no part.</param>
/// <param name="IsReturn">For a probe: it fires when the function returns.</param>
/// <param name="Asked">Fields to read, in the order in which the timeline asks for them; `a?` if the event is of use without it.</param>
public sealed record EventSource(EventKind Kind, string? Event, string[] Functions, bool IsReturn, string[] Asked)
{
    public EventSource(EventKind kind, string name, params string[] columns)
        : this(kind, name, [], false, columns)
    {
    }

    /// <summary>It shows that a task enters or leaves a system call.</summary>
    public bool IsSyscall { get; } = Event?.StartsWith(Syscalls, StringComparison.Ordinal) == true;

    /// <summary>The event, without its system, that shows that a task enters a system call; null for any other.</summary>
    public string? SyscallEntry { get; } = Event?.StartsWith(Syscalls + "sys_enter_", StringComparison.Ordinal) == true ? Event[Syscalls.Length..] : null;

    private const string Syscalls = "syscalls.";

    /// <summary>The names of the fields asked for.</summary>
    public string[] Columns { get; } = [.. Asked.Select(column => column.TrimEnd('?'))];

    /// <summary>Whether the event says nothing if this column, recorded, has no value.</summary>
    public bool Needs(int column) => !Asked[column].EndsWith('?');

    public static EventSource Entry(EventKind kind, string functions, params string[] columns) =>
        new(kind, null, functions.Split('|'), false, columns);

    public static EventSource Return(EventKind kind, string functions, params string[] columns) =>
        new(kind, null, functions.Split('|'), true, columns);
}

/// <summary>Which recorded event is what (spec 9): the one place to add an event or probe.</summary>
public static class EventCatalog
{
    public static IReadOnlyList<EventSource> All { get; } =
    [
        new(EventKind.PageFault, "kvm.kvm_page_fault", "fault_address", "error_code", "vcpu_id?"),
        new(EventKind.FastPageFault, "kvmmmu.fast_page_fault", "cr2_or_gpa?", "new_spte?", "ret?"),
        new(EventKind.Entry, "kvm.kvm_entry"),
        new(EventKind.Exit, "kvm.kvm_exit", "exit_reason?", "isa?", "intr_info?"),
        new(EventKind.UserspaceExit, "kvm.kvm_userspace_exit", "reason?", "errno?"),
        new(EventKind.UnmapHvaRange, "kvm.kvm_unmap_hva_range", "start", "end"),
        new(EventKind.AgeHva, "kvm.kvm_age_hva", "start", "end"),
        new(EventKind.SpteRequested, "kvmmmu.kvm_mmu_spte_requested", "gfn?", "pfn", "level"),
        new(EventKind.SetSpte, "kvmmmu.kvm_mmu_set_spte", "gfn", "spte", "level"),
        new(EventKind.SpteChanged, "kvmmmu.kvm_tdp_mmu_spte_changed", "gfn", "old_spte", "new_spte", "level", "as_id?"),
        new(EventKind.MarkMmioSpte, "kvmmmu.mark_mmio_spte", "gfn?"),
        new(EventKind.HandleMmioPageFault, "kvmmmu.handle_mmio_page_fault", "gfn?"),
        new(EventKind.CheckMmioSpte, "kvmmmu.check_mmio_spte", "kvm_gen?", "spte_gen?"),
        new(EventKind.Mmio, "kvm.kvm_mmio", "gpa?"),
        new(EventKind.EmulateInsn, "kvm.kvm_emulate_insn"),
        new(EventKind.TryAsyncGetPage, "kvm.kvm_try_async_get_page", "gva?", "gfn?"),
        new(EventKind.AsyncQueued, "kvm.kvm_async_pf_not_present"),
        new(EventKind.AsyncQueued, "kvm.kvm_async_pf_repeated_fault"),
        new(EventKind.AsyncQueued, "kvm.kvm_async_pf_doublefault"),
        new(EventKind.ZapAllFast, "kvmmmu.kvm_mmu_zap_all_fast"),
        new(EventKind.SmmTransition, "kvm.kvm_smm_transition", "entering"),
        new(EventKind.NestedEnter, "kvm.kvm_nested_vmenter", "tdp_enabled?"),
        new(EventKind.NestedEnter, "kvm.kvm_nested_vmrun", "npt?"),
        new(EventKind.NestedExit, "kvm.kvm_nested_vmexit_inject"),
        new(EventKind.NestedLeft, "kvm.kvm_nested_vmexit"),
        new(EventKind.GuestWalk, "kvmmmu.kvm_mmu_pagetable_walk"),
        new(EventKind.GuestWalkEntry, "kvmmmu.kvm_mmu_paging_element", "pte", "level"),
        new(EventKind.ShadowPage, "kvmmmu.kvm_mmu_get_page", "gfn", "role?"),
        new(EventKind.PageAlloc, "kmem.mm_page_alloc", "pfn", "order", "gfp_flags"),
        new(EventKind.PageFree, "kmem.mm_page_free", "pfn", "order?"),
        new(EventKind.SysEnterMmap, "syscalls.sys_enter_mmap", "len", "prot", "flags", "off?", "addr?", "fd?"),
        new(EventKind.SysExitMmap, "syscalls.sys_exit_mmap", "ret"),
        new(EventKind.SysEnterMunmap, "syscalls.sys_enter_munmap", "addr", "len"),
        new(EventKind.SysEnterMprotect, "syscalls.sys_enter_mprotect", "start", "len", "prot"),
        new(EventKind.SysEnterIoctl, "syscalls.sys_enter_ioctl", "cmd?"),
        new(EventKind.SysExitIoctl, "syscalls.sys_exit_ioctl", "ret?"),
        .. SyscallEdges("madvise", "fallocate", "clone"),
        new(EventKind.SysEnterFtruncate, "syscalls.sys_enter_ftruncate", "fd?", "length?"),
        new(EventKind.SyscallEdge, "syscalls.sys_exit_ftruncate"),
        new(EventKind.SyscallEdge, "syscalls.sys_exit_munmap"),
        new(EventKind.SyscallEdge, "syscalls.sys_exit_mprotect"),
        new(EventKind.SysEnterMremap, "syscalls.sys_enter_mremap", "addr?", "old_len?", "new_len?", "flags?", "new_addr?"),
        new(EventKind.SysExitMremap, "syscalls.sys_exit_mremap", "ret?"),

        EventSource.Entry(EventKind.SetRegion, "__kvm_set_memory_region|kvm_set_memory_region", "kvm", "slot", "flags", "gpa", "size", "hva"),
        EventSource.Return(EventKind.SetRegionRet, "__kvm_set_memory_region|kvm_set_memory_region", "ret?"),
        EventSource.Entry(EventKind.TdpFault, "kvm_tdp_page_fault", "addr?", "error_code?", "vcpu?"),
        EventSource.Return(EventKind.TdpFaultRet, "kvm_tdp_page_fault", "ret?"),
        EventSource.Entry(EventKind.Faultin, "kvm_faultin_pfn|kvm_mmu_faultin_pfn", "gfn", "slot_id", "slot_flags", "slot_base", "slot_npages", "slot_hva"),
        EventSource.Return(EventKind.FaultinRet, "kvm_faultin_pfn|kvm_mmu_faultin_pfn", "ret?", "mmu_seq?", "pfn?", "map_writable?"),
        EventSource.Entry(EventKind.HvaToPfn, "hva_to_pfn", "hva"),
        EventSource.Return(EventKind.HvaToPfnRet, "hva_to_pfn", "pfn"),
        EventSource.Entry(EventKind.FollowPfn, "follow_pfnmap_start|follow_pte", "addr?"),
        EventSource.Return(EventKind.FollowPfnRet, "follow_pfnmap_start|follow_pte", "ret", "pfn?", "writable?"),
        EventSource.Return(EventKind.FixupUserFaultRet, "fixup_user_fault", "ret"),
        EventSource.Entry(EventKind.InsertPfn, "vmf_insert_pfn_prot", "addr", "pfn", "vm_flags?", "vma_start", "vma_end"),
        EventSource.Return(EventKind.InsertPfnRet, "vmf_insert_pfn_prot", "ret"),
        EventSource.Entry(EventKind.RemapPfn, "remap_pfn_range", "addr", "pfn", "size"),
        EventSource.Entry(EventKind.TtmFault, "ttm_bo_vm_fault_reserved", "bo", "vm_flags", "vma_start", "vma_end"),
        EventSource.Return(EventKind.TtmFaultRet, "ttm_bo_vm_fault_reserved", "ret"),
        EventSource.Entry(EventKind.TtmMove, "ttm_bo_handle_move_mem", "bo", "new_type", "old_type?", "size?", "evict?"),
        EventSource.Return(EventKind.TtmMoveRet, "ttm_bo_handle_move_mem", "ret"),
        EventSource.Entry(EventKind.NotifierStart, "kvm_mmu_notifier_invalidate_range_start", "mn?", "start?", "end?", "event?"),
        EventSource.Return(EventKind.NotifierStartRet, "kvm_mmu_notifier_invalidate_range_start", "ret"),
        EventSource.Entry(EventKind.NotifierEnd, "kvm_mmu_notifier_invalidate_range_end", "mn?", "start?", "end?"),
        EventSource.Entry(EventKind.InvalidateBegin, "kvm_mmu_invalidate_begin|kvm_mmu_invalidate_start", "kvm?"),
        EventSource.Entry(EventKind.InvalidateEnd, "kvm_mmu_invalidate_end", "kvm?", "field_seq?", "in_progress?"),
        EventSource.Entry(EventKind.Release, "kvm_release_pfn_clean", "pfn?"),
        EventSource.Entry(EventKind.Release, "kvm_release_page_clean", "pfn?"),
        EventSource.Entry(EventKind.Release, "kvm_release_page_dirty", "pfn?"),
        EventSource.Entry(EventKind.Release, "kvm_release_page_unused", "pfn?"),

        new(EventKind.GuestFault, "kvm.kvm_guest_fault", "ipa", "hsr", "hxfar?", "vcpu_pc?"),
        new(EventKind.AccessFault, "kvm.kvm_access_fault", "ipa"),
        new(EventKind.MmioNoSyndrome, "kvm.kvm_mmio_nisv"),
        new(EventKind.SetSpteHva, "kvm.kvm_set_spte_hva", "hva"),
        EventSource.Entry(EventKind.GuestAbort, "kvm_handle_guest_abort", "vcpu?", "vcpu_id?", "kvm?"),
        EventSource.Return(EventKind.GuestAbortRet, "kvm_handle_guest_abort", "ret?"),
        EventSource.Entry(EventKind.IoMemAbort, "io_mem_abort", "ipa?"),
        EventSource.Entry(EventKind.InjectAbort, "inject_abt64", "iabt?"),
        EventSource.Entry(EventKind.InjectAbort, "kvm_inject_sea", "iabt?"),
        EventSource.Entry(EventKind.GfnToPfn, "__gfn_to_pfn_memslot", "slot_id?", "slot_flags?", "slot_base?", "slot_npages?", "slot_hva?"),
        EventSource.Entry(EventKind.UserMemAbort, "user_mem_abort", "slot_id?", "slot_flags?", "slot_base?", "slot_npages?", "slot_hva?", "nested?"),
        EventSource.Return(EventKind.LookupRet, "__gfn_to_pfn_memslot|__kvm_faultin_pfn", "pfn?", "writable?"),
        EventSource.Return(EventKind.MapMemoryRet, "pfn_is_map_memory", "ret", "pfn?"),
        EventSource.Entry(EventKind.S2Map, "kvm_pgtable_stage2_map", "addr", "size", "phys", "prot"),
        EventSource.Return(EventKind.S2MapRet, "kvm_pgtable_stage2_map", "ret?"),
        EventSource.Entry(EventKind.S2Relax, "kvm_pgtable_stage2_relax_perms", "addr", "prot"),
        EventSource.Return(EventKind.S2RelaxRet, "kvm_pgtable_stage2_relax_perms", "ret?"),
        EventSource.Entry(EventKind.S2MakeYoung, "kvm_pgtable_stage2_mkyoung", "addr"),
        EventSource.Entry(EventKind.S2Unmap, "kvm_pgtable_stage2_unmap", "addr", "size"),
        EventSource.Entry(EventKind.S2WriteProtect, "kvm_pgtable_stage2_wrprotect", "addr", "size"),
        EventSource.Entry(EventKind.ChangePte, "kvm_mmu_notifier_change_pte", "addr", "pte"),
    ];

    /// <summary>
    /// The function behind a probe of the definitions that <c>tracereplay probes</c> prints, by its name. Only for captures that
    /// hold no symbols, so that the address tells nothing; what rests on it is assumed.
    /// </summary>
    public static string? FunctionByDefinition(string probe) => s_definitions.GetValueOrDefault(
        probe.EndsWith("_ret", StringComparison.Ordinal) ? probe[..^"_ret".Length] : probe);

    private static readonly Dictionary<string, string> s_definitions = new()
    {
        ["set_region"] = "__kvm_set_memory_region",
        ["tdp_fault"] = "kvm_tdp_page_fault",
        ["faultin"] = "kvm_faultin_pfn",
        ["hva_to_pfn"] = "hva_to_pfn",
        ["follow_pfnmap"] = "follow_pfnmap_start",
        ["follow_pte"] = "follow_pte",
        ["fixup_user_fault"] = "fixup_user_fault",
        ["insert_pfn"] = "vmf_insert_pfn_prot",
        ["remap_pfn"] = "remap_pfn_range",
        ["ttm_fault"] = "ttm_bo_vm_fault_reserved",
        ["ttm_move"] = "ttm_bo_handle_move_mem",
        ["kvm_mn_start"] = "kvm_mmu_notifier_invalidate_range_start",
        ["kvm_mn_end"] = "kvm_mmu_notifier_invalidate_range_end",
        ["kvm_inv_begin"] = "kvm_mmu_invalidate_begin",
        ["kvm_inv_end"] = "kvm_mmu_invalidate_end",
        ["guest_abort"] = "kvm_handle_guest_abort",
        ["io_mem_abort"] = "io_mem_abort",
        ["inject_abt"] = "inject_abt64",
        ["inject_sea"] = "kvm_inject_sea",
        ["gfn_to_pfn"] = "__gfn_to_pfn_memslot",
        ["gfaultin"] = "__kvm_faultin_pfn",
        ["user_mem_abort"] = "user_mem_abort",
        ["map_memory"] = "pfn_is_map_memory",
        ["s2_map"] = "kvm_pgtable_stage2_map",
        ["s2_relax"] = "kvm_pgtable_stage2_relax_perms",
        ["s2_mkyoung"] = "kvm_pgtable_stage2_mkyoung",
        ["s2_unmap"] = "kvm_pgtable_stage2_unmap",
        ["s2_wrprotect"] = "kvm_pgtable_stage2_wrprotect",
        ["kvm_change_pte"] = "kvm_mmu_notifier_change_pte",
        ["release_pfn"] = "kvm_release_pfn_clean",
        ["release_page_clean"] = "kvm_release_page_clean",
        ["release_page_dirty"] = "kvm_release_page_dirty",
    };

    private static IEnumerable<EventSource> SyscallEdges(params string[] calls) =>
        calls.SelectMany(call => new EventSource[] { new(EventKind.SyscallEdge, "syscalls.sys_enter_" + call), new(EventKind.SyscallEdge, "syscalls.sys_exit_" + call) });
}
