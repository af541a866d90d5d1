using static TraceReplay.Analysis.Knowledge.Source;

namespace TraceReplay.Analysis.Knowledge;

/// <summary>A record that a capture lacks, and what it would give.</summary>
/// <param name="Source">What to record.</param>
/// <param name="Faults">Faults that it may decide, at most.</param>
/// <param name="Tells">What it tells of them.</param>
public sealed record CoverageGain(Source Source, long Faults, string Tells);

/// <summary>
/// The few records that would decide most of a capture's faults. How many each concerns follows from what was counted: those
/// that mapped nothing need what the lookup returned, those beside an invalidation its bounds, all of them a memslot.
/// </summary>
public static class CoverageAdvice
{
    /// <summary>More would not be read.</summary>
    public const int Most = 5;

    private const string PageFault = "kvm:kvm_page_fault";

    // One of a line's sources is enough; the first that the kernel has is the advice. In the order of weight where as many
    // faults are concerned: what was enough in captures that were tried with few probes comes first.
    private static readonly (Source[] Any, Func<Counts, long> Faults, string Tells)[] s_lines =
    [
        (["kvmmmu:kvm_mmu_set_spte", "kvmmmu:kvm_tdp_mmu_spte_changed"], c => c.Faults, "what was mapped"),
        ([Entry("__kvm_set_memory_region", before: "6.13"), Entry("kvm_set_memory_region", from: "6.13"), Entry("kvm_faultin_pfn", from: "5.16", before: "6.13"), Entry("kvm_mmu_faultin_pfn", from: "6.13")],
            c => c.Faults, "the memslot, and with it the host address"),
        ([From("kvm:kvm_unmap_hva_range", "5.13"), Entry("kvm_mmu_notifier_invalidate_range_start")], c => c.Faults, "when the host takes pages back"),
        ([Return("kvm_tdp_page_fault")], c => c.Unmapped, "how a fault ended that mapped nothing"),
        ([Return("hva_to_pfn")], c => c.Unmapped, "what the lookup of a page returned"),
        ([Return("follow_pfnmap_start", from: "6.12"), Return("follow_pte", before: "6.12")], c => c.Unmapped, "what a driver mapped, or that it refused"),
        ([Return("vmf_insert_pfn_prot", before: "6.12")], c => c.Followed, "the pfn that a driver inserted, which follow_pte does not show"),
        (["kvm:kvm_entry", Return("kvm_tdp_page_fault")], c => c.Unmapped, "that a fault ended without a mapping"),
        (["kvmmmu:fast_page_fault"], c => c.Unmapped, "faults that took no lookup"),
        (["syscalls:sys_enter_mmap", Return("hva_to_pfn")], c => c.Faults, "what the VMM mapped, and with which access"),
        (["kmem:mm_page_alloc", Return("hva_to_pfn")], c => c.Unmapped, "which pages are of a block of higher order"),
        ([Entry("kvm_mmu_notifier_invalidate_range_end"), Entry("kvm_mmu_invalidate_end", from: "6.0"), Entry("__mmu_notifier_invalidate_range_end")],
            c => c.BesideWindows, "when an invalidation is over"),
        ([Return("kvm_faultin_pfn", from: "6.12", before: "6.13"), Return("kvm_mmu_faultin_pfn", from: "6.13"), Entry("kvm_mmu_invalidate_end", from: "6.0")],
            c => c.BesideWindows, "which invalidations a lookup came before"),
    ];

    /// <summary>At most <see cref="Most"/>, those that concern most faults first; none where nothing that tells more is left out.</summary>
    public static IReadOnlyList<CoverageGain> For(CaptureContents capture)
    {
        Counts counts = Counts.Of(capture);
        if (counts.Faults == 0)
        {
            // Shadow paging and kernels without KVM's event show none either: that is for a person to know.
            return [new CoverageGain(PageFault, 0, "the faults: nothing can be replayed without them")];
        }

        return
        [
            .. s_lines
                .Where(line => !line.Any.Any(source => source.FindIn(capture) is not null))
                .Select(line => (line, Source: Array.Find(line.Any, source => source.ExistsIn(capture.KernelVersion))))
                .Where(line => line.Source is not null)
                .Select(line => new CoverageGain(line.Source!, line.line.Faults(counts), line.line.Tells))
                .Where(gain => gain.Faults > 0)
                .OrderByDescending(gain => gain.Faults)
                .Take(Most),
        ];
    }

    private static Source From(string name, string version) => new(name, SourceKind.Event, Version.Parse(version));

    /// <summary>Faults of the capture, those that mapped nothing, that may lie beside an invalidation, whose lookup was followed into a driver's mapping.</summary>
    private readonly record struct Counts(long Faults, long Unmapped, long BesideWindows, long Followed)
    {
        public static Counts Of(CaptureContents capture)
        {
            long Records(string name) => capture.Events.GetValueOrDefault(name);
            long faults = Records(PageFault);
            long windows = Records("kvm:kvm_unmap_hva_range");
            long followed = capture.Probes.Where(site => site.Function == "follow_pte" && !site.IsReturn).Sum(site => Records(site.Event));
            return new Counts(faults, Math.Max(0, faults - Records("kvmmmu:kvm_mmu_set_spte")), Math.Min(faults, windows), Math.Min(faults, followed));
        }
    }
}
