using System.Text.RegularExpressions;

namespace TraceReplay.Analysis.Findings;

/// <summary>What findings are made from: result tables, events in fixed columns whatever was recorded of them, and steps that several share.</summary>
internal static partial class Relations
{
    public static IReadOnlyList<Relation> All { get; } =
    [
        View("traces", "trace_id, kernel, arch, complete, lost, events, warnings"),
        View("faults", "trace_id, fault_id, seq, end_seq, ts_ns, vm, vcpu, pid, as_id, slot_id, gpa, gfn, hva, access, kind, page_kind, observed_outcome, observed_pfn, observed_level"),
        View("outcomes", "trace_id, fault_id, model, setting, outcome, outcomes, page_kind, reason"),
        View("windows", "trace_id, window_id, vm, pid, start_seq, end_seq, start_ns, end_ns, hva_start, hva_end, slots, zapped_pages, notifier_event, cause"),
        View("violations", "trace_id, model, invariant, name, verdict, fault_id, seq, gfn, detail"),
        View("fidelity", "trace_id, model, setting, quantity, matched, in_set, missed"),
        View("assumptions", "trace_id, assumption, value"),
        View("host_maps", "trace_id, start_hva, end_hva, name, pfnmap, io"),
        View("event_counts", "trace_id, event, records"),
        Event("unmaps", ["kvm_unmap_hva_range"], "seq BIGINT, pid INTEGER, comm VARCHAR"),
        Event("mmio", ["kvm_mmio"], "seq BIGINT, pid INTEGER, type UINTEGER, gpa UBIGINT"),
        Event("madvise", ["sys_enter_madvise"], "seq BIGINT, pid INTEGER, behavior BIGINT"),
        Event("age", ["kvm_age_hva"], "seq BIGINT, pid INTEGER, comm VARCHAR"),
        Event("test_age", ["kvm_test_age_hva"], "seq BIGINT, comm VARCHAR"),
        // An empty SPTE is not 0 on kernels from 6.10 on, but permits nothing.
        Event("fast", ["fast_page_fault"], "seq BIGINT, pid INTEGER, old_spte UBIGINT, new_spte UBIGINT", "old_spte = new_spte AND old_spte & 7 <> 0"),

        // A table that became a huge leaf: bit 11 says present, bit 7 a leaf.
        Event("collapses", ["kvm_tdp_mmu_spte_changed"], "seq BIGINT, pid INTEGER, gfn UBIGINT, old_spte UBIGINT, new_spte UBIGINT, level UTINYINT", "level BETWEEN 2 AND 3 AND old_spte & 2176 = 2048 AND new_spte & 2176 = 2176"),
        Event("exits", ["kvm_userspace_exit"], "seq BIGINT, pid INTEGER, reason UINTEGER, errno INTEGER", "reason = 17 AND coalesce(errno, 0) = 0"),
        Event("emulations", ["kvm_emulate_insn"], "seq BIGINT, pid INTEGER, rip UBIGINT, failed UTINYINT", "failed = 1"),
        Event("nested_exits", ["kvm_nested_vmexit"], "seq BIGINT, pid INTEGER"),
        Event("zap_all", ["kvm_mmu_zap_all_fast"], "seq BIGINT"),
        Event("async", ["kvm_try_async_get_page"], "seq BIGINT, gfn UBIGINT"),
        Event("inserted", ["insert_pfn"], "seq BIGINT, pid INTEGER, vma_start UBIGINT, vma_end UBIGINT, vm_flags UBIGINT, addr UBIGINT, pfn UBIGINT"),
        Event("ttm_faults", ["ttm_fault"], "seq BIGINT, pid INTEGER, vma_start UBIGINT, vma_end UBIGINT, vm_flags UBIGINT, addr UBIGINT"),
        Event("blocks", ["mm_page_alloc"], "seq BIGINT, pfn UBIGINT, \"order\" UINTEGER, gfp_flags UBIGINT"),
        Event("markers", ["print"], "seq BIGINT, buf VARCHAR"),
        Event("regions", ["set_region"], "seq BIGINT, pid INTEGER, slot UINTEGER, flags UINTEGER, gpa UBIGINT, size UBIGINT, hva UBIGINT"),
        Event("region_ends", ["set_region_ret"], "seq BIGINT, pid INTEGER, ret INTEGER"),
        .. Steps.All,
    ];

    private static readonly Dictionary<string, Relation> s_byName = All.ToDictionary(r => r.Name);

    public static Relation Named(string name) => s_byName[name];

    /// <summary>The relations that a text names.</summary>
    public static IEnumerable<Relation> In(string sql) => Reference().Matches(sql).Select(m => Named(m.Groups[1].Value)).Distinct();

    /// <summary>The text with each <c>@name</c> replaced.</summary>
    public static string Expand(string sql, Func<Relation, string> name) => Reference().Replace(sql, m => name(Named(m.Groups[1].Value)));

    private static Relation View(string name, string columns) => new(name, $"SELECT {columns} FROM {name}", [name]);

    // A capture's own format may lack a field, or have it in another type: the columns and types here are what findings can count on.
    private static Relation Event(string name, string[] events, string columns, string? where = null)
    {
        string[][] fields = [.. columns.Split(", ").Select(c => c.Split(' ', 2))];
        string nothing = string.Join(", ", fields.Select(f => $"NULL::{f[1]} AS {f[0]}"));
        string read = string.Join(" UNION ALL BY NAME ", events.Select(e => $"SELECT * FROM {e}"));
        return new Relation(
            name,
            $"SELECT trace_id, {string.Join(", ", fields.Select(f => $"TRY_CAST({f[0]} AS {f[1]}) AS {f[0]}"))} FROM (SELECT NULL::VARCHAR AS trace_id, {nothing} WHERE false UNION ALL BY NAME {read}){(where is null ? "" : " WHERE " + where)}",
            events,
            IsEvent: true);
    }

    [GeneratedRegex(@"(?<!\w)@([a-z_]+)")]
    private static partial Regex Reference();
}
