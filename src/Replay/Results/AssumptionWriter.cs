using System.Globalization;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Results;

/// <summary>Says AS-1 to AS-11 of spec 16 for one replay.</summary>
internal static class AssumptionWriter
{
    public static void Write(ResultTable<AssumptionRow> table, TraceManifest trace, CapturedKernel kernel, IReadOnlySet<EventKind> kinds, TimelineCounts counts, ReplayTallies tallies, int assumedProbes, bool windowsUntold, ClockSkew skew, IReadOnlyList<InvariantTally> invariants, IReadOnlyDictionary<string, PricedInference>? prices)
    {
        void Add(string assumption, string value, double? share, string detail) =>
            table.Add(new AssumptionRow(trace.TraceId, assumption, value, share, detail, prices?.TryGetValue(assumption, out PricedInference price) == true ? price : null));

        bool arm64 = kernel.IsArm64Machine;
        bool inferred = counts.PagesInferred + counts.SlotsInferred > 0;
        string unpriced = prices is null ? "; the capture has no probes, so the error of this is not known for it" : "";
        long slots = counts.SlotsFromRegionCall + counts.SlotsFromFaults + counts.SlotsInferred;
        Add(
            "AS-1",
            slots == 0 ? "unknown" : counts.SlotsInferred > 0 ? "inferred" : "known",
            Share(counts.SlotsInferred, slots),
            slots == 0
                ? $"no memslot is known: probe {(arm64 ? "kvm_set_memory_region (before 6.6: __kvm_set_memory_region)" : "__kvm_set_memory_region (7.x: kvm_set_memory_region)")}, or the pfn lookup with the slot's fields"
                : Say($"memslots: {counts.SlotsFromRegionCall} region calls and {counts.SlotsFromFaults} slots first seen at a fault, from probes; {counts.SlotsInferred} inferred from how {(arm64 ? "the faults around one ended" : "other faults ended and from which gfns a window zaps, in whole 2 MiB")}"));
        Add(
            "AS-2",
            counts.WritableFromLeaf == 0 && (kinds.Contains(EventKind.InsertPfn) || kinds.Contains(EventKind.FollowPfnRet)) ? "known" : "inferred",
            Share(counts.WritableFromLeaf, tallies.Faults),
            Say($"VMA kinds: VM_IO and VM_PFNMAP from the driver's insertions and followed lookups, anonymous or file from mmap calls, at the time of the event; whether the host maps a page writable was taken from the leaf for {counts.WritableFromLeaf} faults"));
        Add(
            "AS-3",
            tallies.KindAssumed > 0 ? "assumed" : tallies.KindInferred > 0 ? "inferred" : "known",
            Share(tallies.KindInferred + tallies.KindAssumed, tallies.Remapped),
            Say($"struct page refcounts are not traced; a page's kind gives them (models --vocabulary). Remapped lookups: {tallies.Remapped}, kind inferred for {tallies.KindInferred}, assumed for {tallies.KindAssumed}{(arm64 || kinds.Contains(EventKind.SetRegion) || kinds.Contains(EventKind.Faultin) ? "" : "; without probes, frames from 3 GiB to 4 GiB are taken for a PC's device memory")}"));
        Add(
            "AS-4",
            kinds.Contains(EventKind.PageAlloc) ? "known" : "assumed",
            null,
            kinds.Contains(EventKind.PageAlloc)
                ? "TTM block orders from kmem:mm_page_alloc; a block older than the trace counts as order 0"
                : "TTM block orders: not recorded (kmem:mm_page_alloc with order > 0); taken as the allocator's preference, highest order first, where the pfn's alignment allows");
        long guessed = counts.WindowsClosedByNextEvent + counts.WindowsClosedByLoss + counts.WindowsClosedByFault;
        long closed = counts.WindowsClosedByProbe + guessed;
        string none = windowsUntold ? "; none is recorded, and there were some: any check may have met one (record kvm:kvm_unmap_hva_range; before 5.13 probe kvm_mmu_notifier_invalidate_range_start and _end)" : "";
        Add(
            "AS-5",
            windowsUntold ? "unknown" : guessed > 0 ? "assumed" : "known",
            closed == 0 ? null : Share(guessed, closed),
            Say($"notifier windows: {counts.WindowsClosedByProbe} closed by the probe on their end, {counts.WindowsClosedByNextEvent} by the task's next event, {counts.WindowsClosedByFault} by a whole fault of another task after them, {counts.WindowsClosedByLoss} by lost records; a window begins between its kvm_unmap_hva_range and {(arm64 ? "what unmaps stage 2" : "its first zap")} or the notifier's return{none}{(arm64 ? "; no arm64 kernel records which leaves it took" : "")}"));
        Add(
            "AS-6",
            tallies.InSet > 0 ? "assumed" : "known",
            Share(tallies.InSet, tallies.Faults),
            Say($"clock {trace.Clock ?? "unknown"}: {tallies.InSet} of {tallies.Faults} faults have a set of outcomes, as the records allow more than one order of events; {tallies.ByOwnStep} more are decided by the fault's own next recorded step alone; {Skew(skew)}; {invariants.Sum(tally => InvariantList.All.Sum(tally.Violable))} checks of invariants ended in violable, because of that or of lost records"));
        Add(
            "AS-7",
            trace.Lost > 0 || counts.EventsUntold + counts.OutcomesUntold > 0 ? "unknown" : "known",
            null,
            Say($"lost records: {trace.Lost}; faults whose end was not seen: {tallies.Unknown}; events whose values the capture does not tell: {counts.EventsUntold}, outcomes unknown for that reason: {counts.OutcomesUntold}"));
        if (inferred)
        {
            Add(InferencePrice.Writable, "inferred", Share(counts.PagesInferred, tallies.Faults), Say($"pages that no earlier leaf shows: {counts.PagesInferred}; what the VMM's mmap and mprotect calls permit, or writable{unpriced}"));
            Add(InferencePrice.Outcome, "inferred", Share(tallies.Predicted, tallies.Faults), Say($"outcomes predicted without probes: {tallies.Predicted} of {tallies.Faults}; the rest is UNKNOWN{unpriced}"));
            Add(InferencePrice.Observed, "inferred", Share(counts.OutcomesInferred, tallies.Faults), Say($"how a fault ended, by the events that are left: {counts.OutcomesInferred} by {(arm64 ? "the vCPU's next fault" : "the bare re-entry, taken for RETRY")}{unpriced}"));
        }

        string probes = assumedProbes == 0 ? "" : Say($"; no symbols recorded, so {assumedProbes} probes are taken to sit where the printed definitions of that name do");
        Add(
            "AS-8",
            kernel.Model is null ? "unknown" : assumedProbes > 0 ? "assumed" : "inferred",
            null,
            Say($"{kernel.Describe()}, {(arm64 ? Arm64Cpu(kernel, tallies) : "A/D bits taken as on, NX huge-page mitigation as off, memslot zap-all quirk as on")}, allow_unsafe_mappings as off{probes}"));
        Add(
            "AS-10",
            "known",
            null,
            "a counterfactual model sees the accesses that the captured kernel saw; where it has a page mapped already it says " + (arm64 ? "RETRY, as the kernel does with -EAGAIN" : "SPURIOUS"));
        Add(
            "AS-11",
            counts.VmAssumed > 0 ? "assumed" : "known",
            null,
            Say($"events whose VM was taken to be the newest: {counts.VmAssumed}; {(arm64 ? "leaf" : "SPTE")} changes by others than faults and windows, handed to every model as seen: {counts.MaintenanceFromSpteEvents}; outcomes inferred from re-entry alone: {counts.OutcomesInferred}"));
    }

    /// <summary>
    /// S2FWB and DIC decide since 6.17 whether a memslot over cacheable memory of a driver is taken. DIC shows in data that is mapped executable,
    /// S2FWB in nothing else; whether the VMA is cached no record tells (vgem's is not, and is taken by all).
    /// </summary>
    private static string Arm64Cpu(CapturedKernel kernel, ReplayTallies tallies)
    {
        bool decides = kernel.Model == "merged" && kernel.Setting != "6.13";
        string coherent = kernel.SlotsRefused > 0 && decides ? Say($"S2FWB or DIC known to be missing ({kernel.SlotsRefused} memslots refused)")
            : decides && kernel.Layout.AlwaysExecutable && tallies.TtmMapped > 0 ? Say($"DIC known, S2FWB inferred ({tallies.TtmMapped} faults mapped a driver's buffer, whose memslot would else be refused if it is cached)")
            : "S2FWB and DIC taken as present where `merged` asks for them (--setting 7.x-nofwb: without)";
        return coherent + ", VHE or nVHE taken as without effect on faults, pKVM and MTE as off";
    }

    private static string Skew(ClockSkew skew) => skew.IsMeasured
        ? Say($"two CPUs' clocks are at most {skew.Bound} units apart, the smallest of {skew.Pairs} pairs of SPTE changes in which one made the other possible")
        : skew.Pairs > 0
            ? Say($"two CPUs' clocks are taken to be at most {skew.Bound} units apart; the nearest of {skew.Pairs} pairs of SPTE changes that bound it is {skew.Smallest} units wide")
            : Say($"two CPUs' clocks are taken to be at most {skew.Bound} units apart: nothing recorded bounds it");

    private static double? Share(long part, long whole) => whole == 0 ? null : (double)part / whole;

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Counts over the faults of one replay.</summary>
internal sealed class ReplayTallies
{
    public long Faults { get; set; }

    public long Unknown { get; set; }

    /// <summary>Faults for which the captured kernel's model has an outcome.</summary>
    public long Predicted { get; set; }

    /// <summary>Faults for which more than one outcome is predicted.</summary>
    public long InSet { get; set; }

    /// <summary>Faults that other tasks' records leave open and their own next step decides.</summary>
    public long ByOwnStep { get; set; }

    public long Remapped { get; set; }

    /// <summary>Faults that mapped a page of a TTM buffer.</summary>
    public long TtmMapped { get; set; }

    public long KindInferred { get; set; }

    public long KindAssumed { get; set; }
}
