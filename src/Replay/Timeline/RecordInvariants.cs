using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Timeline;

/// <summary>
/// The invariants of spec 11 that the captured kernel's own records can be held against, without any model: its SPTE changes, its
/// windows, its counts.
/// </summary>
internal sealed class RecordInvariants(SpteLayout layout, ClockSkew skew, bool slotsKnown, bool endsKnown, bool entriesKnown)
{
    // By VM, in the order of their appearance.
    private KernelLeaves?[] _leaves = new KernelLeaves?[4];
    private long _seq;
    private long _time;
    private int _cpu;

    public InvariantTally Tally { get; } = new();

    /// <summary>The checks that a capture with these kinds of event permits.</summary>
    public static RecordInvariants For(SpteLayout layout, ClockSkew skew, IReadOnlySet<EventKind> kinds) => new(
        layout,
        skew,
        slotsKnown: kinds.Contains(EventKind.SetRegion) || kinds.Contains(EventKind.Faultin),
        endsKnown: kinds.Contains(EventKind.NotifierEnd),
        entriesKnown: kinds.Contains(EventKind.Entry) && kinds.Contains(EventKind.UserspaceExit));

    /// <summary>Region calls under way: between call and return it is not known which memslots are active.</summary>
    public int RegionCalls { get; set; }

    /// <summary>The event that the next calls are about.</summary>
    public void Begin(long seq, long time, int cpu)
    {
        _seq = seq;
        _time = time;
        _cpu = cpu;
    }

    /// <summary>kvm_tdp_mmu_spte_changed.</summary>
    /// <param name="inWindow">The task has a window open: it takes the leaf that stands, not one that only its freed root has.</param>
    public void SpteChanged(VmTrack vm, int asId, ulong gfn, ulong from, ulong to, int level, bool inWindow = false)
    {
        if (level is < 1 or > 3)
        {
            return;
        }

        _before = (vm.Index, asId, gfn, level, Leaves(vm.Index).At(asId, gfn, level));
        bool wasPresent = SpteLayout.IsPresent(from);
        bool present = SpteLayout.IsPresent(to);
        bool wasLeaf = wasPresent && IsLeaf(from, level);
        bool leaf = present && IsLeaf(to, level);
        if (!wasPresent && !present)
        {
            Tally.Count(CheckPoint.RecordedNonPresentStep);
            // With nothing but the bit that suppresses #VE set it is neither MMIO nor frozen.
            if ((from & ~SpteLayout.SuppressVe) == 0 && (to & ~SpteLayout.SuppressVe) == 0)
            {
                Report(InvariantList.NonPresentStep, certain: true, vm, gfn, null, "neither side is MMIO or frozen");
            }
        }

        if (leaf)
        {
            Leaf(vm, asId, gfn, to, level);
        }

        if (wasLeaf && leaf)
        {
            Tally.Count(CheckPoint.RecordedReplacement);
            if (SpteLayout.Pfn(from) != SpteLayout.Pfn(to))
            {
                Report(InvariantList.TdpNoReplace, certain: true, vm, gfn, SpteLayout.Pfn(to), "a present leaf became one of another pfn");
            }
        }

        if (wasLeaf && !leaf && !(inWindow && Stands(vm, asId, gfn, from, level)) && TakeGone(vm, asId, gfn, from, level))
        {
            return;
        }

        if (leaf || wasLeaf)
        {
            Leaves(vm.Index).Set(asId, gfn, level, leaf ? to : 0, _time, _cpu);
        }
    }

    /// <summary>The leaf that the records show at <paramref name="gfn"/>, at any level; 0 if they show none.</summary>
    public ulong Leaf(VmTrack vm, int asId, ulong gfn) => Leaves(vm.Index).At(asId, gfn);

    /// <summary>The leaf that the records showed at this entry before the record under way.</summary>
    public ulong LeafBefore(VmTrack vm, int asId, ulong gfn, int level) => _before.Vm == vm.Index && _before.AsId == asId && _before.Gfn == gfn && _before.Level == level ? _before.Spte : Leaves(vm.Index).At(asId, gfn, level);

    private (int Vm, int AsId, ulong Gfn, int Level, ulong Spte) _before;

    /// <summary>Every leaf that the records have shown is gone by their own record.</summary>
    public bool HasNoLeaf(VmTrack vm) => vm.Index >= _leaves.Length || _leaves[vm.Index] is not { Count: > 0 };

    /// <summary>All roots are gone, and with them their leaves; what frees a root later records them once more, when their gfns may have new ones.</summary>
    public void RootsGone(VmTrack vm)
    {
        if (vm.Index >= _leaves.Length)
        {
            return;
        }

        KernelLeaves? leaves = _leaves[vm.Index];
        _leaves[vm.Index] = null;
        if (leaves is { Count: > 0 })
        {
            List<KernelLeaves> gone = _gone.TryGetValue(vm.Index, out List<KernelLeaves>? known) ? known : _gone[vm.Index] = [];
            if (gone.Count == MaxGone)
            {
                gone.RemoveAt(0);
            }

            gone.Add(leaves);
        }
    }

    private bool Stands(VmTrack vm, int asId, ulong gfn, ulong spte, int level) =>
        ((Leaves(vm.Index).At(asId, gfn, level) ^ spte) & ~layout.OwnBits) == 0;

    private bool TakeGone(VmTrack vm, int asId, ulong gfn, ulong spte, int level)
    {
        if (!_gone.TryGetValue(vm.Index, out List<KernelLeaves>? gone))
        {
            return false;
        }

        for (int i = 0; i < gone.Count; i++)
        {
            if (((gone[i].At(asId, gfn, level) ^ spte) & ~layout.OwnBits) == 0)
            {
                gone[i].Set(asId, gfn, level, 0, _time, _cpu);
                if (gone[i].Count == 0)
                {
                    gone.RemoveAt(i);
                }

                return true;
            }
        }

        return false;
    }

    // Roots that nobody has freed yet; more than a few wait for no vCPU.
    private const int MaxGone = 8;
    private readonly Dictionary<int, List<KernelLeaves>> _gone = [];

    /// <summary>kvm_mmu_set_spte of a fault: the windows that certainly have begun and not ended may not cover its gfn.</summary>
    public void Installed(VmTrack vm, int asId, ulong gfn, List<(TaskState Task, Window Window)> open)
    {
        if (!endsKnown)
        {
            // A window may be over long before anything shows it.
            return;
        }

        Tally.Count(CheckPoint.RecordedInstall);
        if (open.Count == 0 || vm.Slots[asId].Find(gfn) is not { } slot)
        {
            return;
        }

        ulong hva = slot.Hva(gfn);
        foreach ((TaskState task, Window window) in open)
        {
            // Past the entry of its end a window may be over at any moment.
            if (window.Vm == vm && window.Begun && task.Ending != window && hva + 4095 >= window.Start && hva < window.End)
            {
                bool certain = skew.IsOrdered(_cpu, _time, window.Cpu, window.BegunAt);
                Report(InvariantList.NoInstallAcross, certain, vm, gfn, null, "a leaf was installed while a window over it was open");
            }
        }
    }

    /// <summary>The notifier's end is entered: the window is still in progress, and nothing of its range may be mapped.</summary>
    public void WindowEnds(Window window)
    {
        KernelLeaves leaves = Leaves(window.Vm.Index);
        bool matched = false;
        for (int asId = 0; asId < window.Vm.Slots.Length; asId++)
        {
            foreach (Memslot slot in window.Vm.Slots[asId].OverlappingHva(window.Start, window.End))
            {
                matched = true;
                ulong from = slot.Gfn(Math.Max(window.Start, slot.UserspaceAddr));
                ulong end = slot.Gfn(Math.Min(window.End + 4095, slot.EndHva));
                if (leaves.FindPresent(asId, from, end, out ulong gfn, out ulong spte, out long time, out int cpu))
                {
                    Report(InvariantList.NoStaleLeaf, skew.IsOrdered(_cpu, _time, cpu, time), window.Vm, gfn, SpteLayout.Pfn(spte), "a leaf was there when the window over it ended");
                }
            }
        }

        if (matched)
        {
            Tally.Count(CheckPoint.RecordedWindowEnd);
        }
    }

    /// <summary>A window is over: by its own end, or because the task went on with other work.</summary>
    public void WindowClosed(Window window, bool byItsEnd)
    {
        if (!endsKnown)
        {
            return;
        }

        Tally.Count(CheckPoint.RecordedWindowClose);
        if (!byItsEnd)
        {
            Report(InvariantList.WindowPaired, certain: true, window.Vm, 0, null, "the task left a window whose end was not recorded");
        }
    }

    /// <summary>An end without its start: the start may lie before the trace.</summary>
    public void EndWithoutStart(VmTrack vm)
    {
        Tally.Count(CheckPoint.RecordedWindowClose);
        Report(InvariantList.WindowPaired, certain: false, vm, 0, null, "an end whose start was not recorded");
    }

    /// <summary>What a probe on kvm_mmu_invalidate_end read before the end.</summary>
    /// <param name="fewest">Windows of the VM that certainly are in progress, this one included.</param>
    /// <param name="most">Windows that may be.</param>
    public void Counts(VmTrack vm, ulong seq, long inProgress, int fewest, int most)
    {
        Tally.Count(CheckPoint.RecordedCounts);
        if (vm.LastSeq is { } last && seq != last + 1)
        {
            Report(InvariantList.SeqMonotonic, certain: seq <= last, vm, 0, null, FormattableString.Invariant($"seq {seq} before this end, {last} before the last"));
        }

        vm.LastSeq = seq;
        if (inProgress < fewest || inProgress > most)
        {
            Report(InvariantList.InProgressSane, certain: inProgress <= 0, vm, 0, null, FormattableString.Invariant($"in_progress {inProgress}, and {fewest} to {most} windows are open"));
        }
    }

    /// <summary>A region call has returned: some moment since its begin was the activation.</summary>
    public void SlotsChanged(PendingRegion region, List<(TaskState Task, Window Window)> open)
    {
        Tally.Count(CheckPoint.RecordedSlotChange);
        foreach ((TaskState task, Window window) in open)
        {
            if (window.Vm == region.Vm && window.Begun && task.Ending != window && window.BegunSeq < region.Seq)
            {
                Report(InvariantList.SlotsFrozen, certain: endsKnown, region.Vm, 0, null, "a window was open during the whole call that changed the memslots");
            }
        }
    }

    /// <summary>A fault has ended; not called for those that the trace's end cuts off.</summary>
    public void FaultEnded(VmTrack vm, ulong gfn, bool superseded)
    {
        if (!entriesKnown)
        {
            return;
        }

        Tally.Count(CheckPoint.RecordedFaultEnd);
        if (superseded)
        {
            Report(InvariantList.OneOutcome, certain: true, vm, gfn, null, "another fault of the task began before this one had ended");
        }
    }

    private void Leaf(VmTrack vm, int asId, ulong gfn, ulong spte, int level)
    {
        Tally.Count(CheckPoint.RecordedLeaf);
        bool mmuWritable = (spte & layout.MmuWritable) != 0;
        bool hostWritable = (spte & layout.HostWritable) != 0;
        if ((SpteLayout.IsWritable(spte) && !mmuWritable) || (mmuWritable && !hostWritable))
        {
            Report(InvariantList.ReadOnlyHostNotWritable, certain: true, vm, gfn, SpteLayout.Pfn(spte), "W, MMU-writable and host-writable do not imply each other");
        }

        if (level > 1)
        {
            Tally.Count(CheckPoint.RecordedHugeLeaf);
            if ((SpteLayout.Pfn(spte) & (Levels.Pages(level) - 1)) != 0)
            {
                Report(InvariantList.PfnAligned, certain: true, vm, gfn, SpteLayout.Pfn(spte), "the pfn of a huge leaf is not a multiple of its size");
            }
        }

        if (slotsKnown)
        {
            InSlot(vm, asId, gfn, spte, level);
        }
    }

    private void InSlot(VmTrack vm, int asId, ulong gfn, ulong spte, int level)
    {
        Tally.Count(CheckPoint.RecordedLeafInSlot);
        if (vm.Slots[asId].Find(gfn) is not { } slot)
        {
            // A memslot older than the trace is known only once a fault has shown it.
            Report(InvariantList.SpteInSlot, certain: false, vm, gfn, SpteLayout.Pfn(spte), "no memslot is known here");
            return;
        }

        if (slot.Is(MemslotFlags.ReadOnly))
        {
            Tally.Count(CheckPoint.RecordedReadOnlySlotLeaf);
            if (SpteLayout.IsWritable(spte) || (spte & (layout.MmuWritable | layout.HostWritable)) != 0)
            {
                Report(InvariantList.ReadOnlySlotNotWritable, certain: RegionCalls == 0, vm, gfn, SpteLayout.Pfn(spte), "a leaf in a READONLY memslot may be written");
            }
        }

        if (slot.Is(MemslotFlags.LogDirty))
        {
            Tally.Count(CheckPoint.RecordedLoggedLeaf);
            if (level > 1 && SpteLayout.IsWritable(spte))
            {
                Report(InvariantList.LevelLogging, certain: RegionCalls == 0, vm, gfn, SpteLayout.Pfn(spte), "a writable huge leaf in a memslot that logs dirty pages");
            }
        }
    }

    private KernelLeaves Leaves(int vm)
    {
        if (vm >= _leaves.Length)
        {
            Array.Resize(ref _leaves, Math.Max(vm + 1, 2 * _leaves.Length));
        }

        return _leaves[vm] ??= new KernelLeaves();
    }

    private void Report(int invariant, bool certain, VmTrack vm, ulong gfn, ulong? pfn, string detail) =>
        Tally.Report(new Breach(invariant, certain, _seq, _time, vm.Index, gfn, pfn, detail));

    private static bool IsLeaf(ulong spte, int level) => level == 1 || (spte & SpteLayout.LargeBit) != 0;

    /// <summary>The leaves that the records show to be there, and when and where each was made.</summary>
    private sealed class KernelLeaves
    {
        private readonly SpteTables[] _sptes = [new(), new()];
        private readonly RadixTable<Maker>[] _makers = [new(), new()];

        /// <summary>Leaves that are there.</summary>
        public long Count { get; private set; }

        public void Set(int asId, ulong gfn, int level, ulong spte, long time, int cpu)
        {
            Count += (spte != 0 ? 1 : 0) - (_sptes[asId].At(gfn, level) != 0 ? 1 : 0);
            _sptes[asId].Set(gfn, level, spte);
            _makers[asId].At(gfn) = new Maker(time, cpu);
        }

        public ulong At(int asId, ulong gfn, int level) => _sptes[asId].At(gfn, level);

        public ulong At(int asId, ulong gfn) => _sptes[asId].Leaf(gfn, out _);

        public bool FindPresent(int asId, ulong from, ulong end, out ulong gfn, out ulong spte, out long time, out int cpu)
        {
            FirstVisitor visitor = default;
            _sptes[asId].ForEach(from, end, ref visitor);
            gfn = visitor.Gfn;
            spte = visitor.Spte;
            (time, cpu) = _makers[asId][gfn];
            return spte != 0;
        }

        private readonly record struct Maker(long Time, int Cpu);

        private struct FirstVisitor : ILeafVisitor
        {
            public ulong Gfn;
            public ulong Spte;

            public void Visit(ulong gfn, int level, ref ulong spte)
            {
                if (Spte == 0)
                {
                    Gfn = gfn;
                    Spte = spte;
                }
            }
        }
    }
}
