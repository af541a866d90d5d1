using System.Text.RegularExpressions;
using TraceReplay.Analysis.Probes;

namespace TraceReplay.Analysis.Views;

/// <summary>
/// Events that queries may name in any dataset: where a dataset has none of them, the view is there and empty. Fields and types
/// are those of the newest kernel that was read (spec section 9, and the captures); a view over recorded events has the recorded ones.
/// </summary>
internal static partial class KnownEvents
{
    private const string Header = "trace_id VARCHAR, seq BIGINT, ts_ns BIGINT, cpu INTEGER, pid INTEGER, tgid INTEGER, comm VARCHAR, ";

    private const string Kernel = """
        kvm_entry: vcpu_id UINTEGER, rip UBIGINT, immediate_exit UTINYINT, intr_info UINTEGER, error_code UINTEGER
        kvm_exit: exit_reason UINTEGER, guest_rip UBIGINT, isa UINTEGER, info1 UBIGINT, info2 UBIGINT, intr_info UINTEGER, error_code UINTEGER, vcpu_id UINTEGER, requests UBIGINT
        kvm_page_fault: vcpu_id UINTEGER, guest_rip UBIGINT, fault_address UBIGINT, error_code UBIGINT
        kvm_userspace_exit: reason UINTEGER, errno INTEGER
        kvm_mmio: type UINTEGER, len UINTEGER, gpa UBIGINT, val UBIGINT
        kvm_fast_mmio: gpa UBIGINT
        kvm_emulate_insn: rip UBIGINT, csbase UINTEGER, len UTINYINT, insn BLOB, flags UTINYINT, failed UTINYINT
        kvm_unmap_hva_range: start UBIGINT, end UBIGINT
        kvm_age_hva: start UBIGINT, end UBIGINT
        kvm_test_age_hva: hva UBIGINT
        kvm_set_spte_hva: hva UBIGINT
        kvm_try_async_get_page: gva UBIGINT, gfn UBIGINT
        kvm_async_pf_repeated_fault: gva UBIGINT, gfn UBIGINT
        kvm_async_pf_not_present: token UBIGINT, gva UBIGINT
        kvm_async_pf_ready: token UBIGINT, gva UBIGINT
        kvm_async_pf_completed: address UBIGINT, gva UBIGINT
        kvm_dirty_ring_push: index INTEGER, dirty_index UINTEGER, reset_index UINTEGER, slot UINTEGER, offset UBIGINT
        kvm_vm_set_mem_attributes: start UBIGINT, end UBIGINT, attr UBIGINT
        kvm_smm_transition: vcpu_id UINTEGER, smbase UBIGINT, entering UTINYINT
        kvm_pml_full: vcpu_id UINTEGER
        kvm_guest_fault: vcpu_pc UBIGINT, hsr UBIGINT, hxfar UBIGINT, ipa UBIGINT
        kvm_access_fault: ipa UBIGINT
        kvm_mmio_nisv: vcpu_pc UBIGINT, esr UBIGINT, far UBIGINT, ipa UBIGINT
        kvm_nested_vmexit: vcpu_id UINTEGER, guest_rip UBIGINT, exit_reason UINTEGER, isa UINTEGER, info1 UBIGINT, info2 UBIGINT, intr_info UINTEGER, error_code UINTEGER
        sys_enter_madvise: start UBIGINT, len_in UBIGINT, behavior UBIGINT
        fast_page_fault: vcpu_id INTEGER, cr2_or_gpa UBIGINT, error_code UBIGINT, sptep UBIGINT, old_spte UBIGINT, new_spte UBIGINT, ret INTEGER
        kvm_mmu_spte_requested: gfn UBIGINT, pfn UBIGINT, level UTINYINT, access UTINYINT
        kvm_mmu_set_spte: gfn UBIGINT, spte UBIGINT, sptep UBIGINT, level UTINYINT, r UTINYINT, x UTINYINT, u TINYINT
        kvm_tdp_mmu_spte_changed: gfn UBIGINT, old_spte UBIGINT, new_spte UBIGINT, level UTINYINT, as_id UTINYINT
        kvm_mmu_split_huge_page: gfn UBIGINT, spte UBIGINT, level INTEGER, errno INTEGER
        kvm_mmu_zap_all_fast: mmu_valid_gen UTINYINT, mmu_used_pages UINTEGER
        kvm_mmu_pagetable_walk: addr UBIGINT, pferr UINTEGER
        kvm_mmu_get_page: mmu_valid_gen UTINYINT, gfn UBIGINT, role UINTEGER, root_count UINTEGER, unsync UTINYINT, created UTINYINT
        kvm_mmu_prepare_zap_page: mmu_valid_gen UTINYINT, gfn UBIGINT, role UINTEGER, root_count UINTEGER, unsync UTINYINT
        mark_mmio_spte: sptep UBIGINT, gfn UBIGINT, access UINTEGER, gen UINTEGER
        check_mmio_spte: kvm_gen UINTEGER, spte_gen UINTEGER, spte UBIGINT
        handle_mmio_page_fault: addr UBIGINT, gfn UBIGINT, access UINTEGER
        mm_page_alloc: pfn UBIGINT, order UINTEGER, gfp_flags UBIGINT, migratetype INTEGER
        mm_page_free: pfn UBIGINT, order UINTEGER
        print: ip UBIGINT, buf VARCHAR
        """;

    private static readonly Dictionary<string, string> s_types = new(StringComparer.Ordinal)
    {
        ["64"] = "UBIGINT",
        ["32"] = "UINTEGER",
        ["16"] = "USMALLINT",
        ["8"] = "UTINYINT",
        ["s64"] = "BIGINT",
        ["s32"] = "INTEGER",
        ["s16"] = "SMALLINT",
        ["s8"] = "TINYINT",
    };

    /// <summary>The kernel's own events, then those that <c>tracereplay probes</c> defines on any kernel.</summary>
    public static IReadOnlyList<TableSchema> All { get; } =
    [
        .. Kernel.Split('\n').Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries)).Select(e => TableSchema.Parse(e[0], "events", Header + e[1])),
        .. ProbeCatalog.All.SelectMany(generation => generation.Definitions)
            .GroupBy(definition => definition.Name, StringComparer.Ordinal)
            .Select(same => TableSchema.Parse(same.Key, "events", Header + string.Join(", ", same.SelectMany(Fields).DistinctBy(field => field.Name).Select(field => $"{field.Name} {field.Type}")))),
    ];

    private static IEnumerable<(string Name, string Type)> Fields(ProbeDefinition definition) =>
        Argument().Matches(definition.Text).Select(m => (ViewField(m.Groups[1].Value), s_types[(m.Groups[2].Value == "s" ? "s" : "") + m.Groups[3].Value]));

    // An event's field that bears the name of one of our columns is called field_NAME.
    private static string ViewField(string name) => name == "seq" ? "field_seq" : name;

    [GeneratedRegex(@" (\w+)=\S+?:([sux])(\d+)(?= |$)")]
    private static partial Regex Argument();
}
