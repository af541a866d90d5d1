using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <content>Spec 11: what is checked when a window begins or ends, when a leaf, a page or a memslot goes.</content>
internal abstract partial class FaultModel<TRules, TCounting>
{
    private const ulong GfnMask = (1UL << 52) - 1;

    // Of the operation under way, for the breaches that it shows.
    private long _seq;
    private long _time;
    private int _vmIndex;

    private void CheckWindowBegin(VmState vm, ulong start, ulong end, bool matched)
    {
        vm.Windows.Begin(start, end, matched);
        if (matched)
        {
            Invariants.Count(CheckPoint.WindowBegin);
            if (!vm.Invalidate.HasHull)
            {
                Report(InvariantList.HullSet, certain: true, 0, null, "a window is in progress and the hull is empty");
            }
        }
    }

    /// <summary>Before the end is carried out: nothing may be left that the window should have kept away.</summary>
    private void CheckWindowEnd(VmState vm, in Operation op, bool matched)
    {
        int open = vm.Windows.Matched;
        ulong seq = vm.Windows.Seq;
        bool? begun = vm.Windows.End(op.A, op.B);
        if (!matched)
        {
            return;
        }

        Invariants.Count(CheckPoint.MatchedWindowEnd);
        if (vm.Invalidate.InProgress != open || vm.Invalidate.InProgress <= 0 || begun != true)
        {
            Report(InvariantList.InProgressSane, certain: false, 0, null, "in_progress is not the number of open windows: an end without its start, or memslots that changed inside the window");
        }

        if (vm.Invalidate.Seq != seq)
        {
            Report(InvariantList.SeqMonotonic, certain: false, 0, null, "a fault's snapshot of seq was ahead of the ends that the trace shows");
        }

        for (int asId = 0; asId < vm.Roots; asId++)
        {
            foreach (Memslot slot in vm.Slots[asId].OverlappingHva(op.A, op.B))
            {
                FindPresent(vm, asId, slot.Gfn(Math.Max(op.A, slot.UserspaceAddr)), slot.Gfn(Math.Min(op.B + 4095, slot.EndHva)), InvariantList.NoStaleLeaf, "a leaf outlived the window over it", certain: op.After == op.Before);
            }
        }
    }

    private void CheckSlotGone(VmState vm, in Operation op)
    {
        if (vm.Slots[op.AsId].ById((int)(op.D >> 32)) is { } slot)
        {
            Invariants.Count(CheckPoint.SlotGone);
            FindPresent(vm, op.AsId, slot.BaseGfn, slot.EndGfn, InvariantList.SpteInSlot, "a leaf outlived its memslot");
        }
    }

    private void CheckBoMoved(ulong bo)
    {
        for (int i = 0; i < _vms.Count; i++)
        {
            _vmIndex = i;
            foreach (Vma vma in _vms[i].Memory.VmasOf(bo))
            {
                Invariants.Count(CheckPoint.BoMoved);
                for (int asId = 0; asId < _vms[i].Roots; asId++)
                {
                    foreach (Memslot slot in _vms[i].Slots[asId].OverlappingHva(vma.Start, vma.End))
                    {
                        FindPresent(_vms[i], asId, slot.Gfn(Math.Max(vma.Start, slot.UserspaceAddr)), slot.Gfn(Math.Min(vma.End, slot.EndHva)), InvariantList.TtmOrder, "a leaf outlived the move of its buffer");
                    }
                }
            }
        }
    }

    private void CheckPageFree(ulong pfn, int order)
    {
        if (order is < 0 or > 31)
        {
            return;
        }

        Invariants.Count(CheckPoint.PageFreed);
        FreedVisitor visitor = new() { Model = this };
        _leafOf.ForEach(pfn, pfn + (1UL << order), ref visitor);
        ReportLeaves(in visitor.Found, InvariantList.NoSpteToFree, "pages are freed and leaves still map them");
    }

    private bool MapsFreed(ulong pfn, ulong leafOf, out ulong gfn)
    {
        _vmIndex = (int)(leafOf >> 53) & 0x3ff;
        VmState vm = _vms[_vmIndex];
        int asId = (int)(leafOf >> 52) & 1;
        gfn = leafOf & GfnMask;
        ulong spte = vm.Sptes[asId].Leaf(gfn, out int level);
        if (!SpteLayout.IsPresent(spte) || SpteLayout.Pfn(spte) != (pfn & ~(Levels.Pages(level) - 1)))
        {
            return false;
        }

        return vm.Slots[asId].Find(gfn) is not { } slot || !vm.Windows.Covers(slot.Hva(gfn));
    }

    /// <summary>A leaf is gone; what it was is <paramref name="spte"/>.</summary>
    private void CheckZapped(ulong gfn, int level, ulong spte, bool isShadow)
    {
        ulong pfn = SpteLayout.Pfn(spte);
        PageKind kind = Pages.Kind(pfn);
        if (kind == PageKind.F1 && SpteLayout.IsWritable(spte))
        {
            Invariants.Count(CheckPoint.FileLeafZapped);
            if (Pages.DirtyMarks(pfn) == 0)
            {
                Report(InvariantList.DirtyNotLost, certain: true, gfn, pfn, "a writable leaf of a file page is gone and the page was never marked dirty");
            }
        }

        // Shadow paging has no bit, and of a page that no lookup named there is nothing to compare it with.
        if (TRules.ReleasesInLookup && level == 1 && !isShadow && kind is not (PageKind.Unknown or PageKind.Free))
        {
            Invariants.Count(CheckPoint.LeafZapped);
            StructPage page = Pages.StructPage(pfn);
            bool refcounted = page.Valid && (!page.Reserved || kind == PageKind.A3) && Pages.Count(pfn) > 0;
            if (((spte & SpteLayout.RefcountedBit) != 0) != refcounted)
            {
                Report(InvariantList.Bit59Truth, certain: true, gfn, pfn, refcounted ? "the page has a refcount now, its leaf was made without bit 59" : "the page has no refcount, its leaf has bit 59");
            }
        }
    }

    private void FindPresent(VmState vm, int asId, ulong from, ulong end, int invariant, string detail, bool certain = true)
    {
        PresentVisitor visitor = new() { Doubtful = vm.Doubtful, Replaced = invariant == InvariantList.NoStaleLeaf ? vm.ReplacedInWindow : null };
        vm.Sptes[asId].ForEach(from, end, ref visitor);

        // The window may have ended before it shows: a leaf made behind that has outlived nothing.
        visitor.Found.Doubtful |= !certain;
        ReportLeaves(in visitor.Found, invariant, detail);
    }

    private void Report(int invariant, bool certain, ulong gfn, ulong? pfn, string detail) =>
        Invariants.Report(new Breach(invariant, certain, _seq, _time, _vmIndex, gfn, pfn, detail));

    /// <summary>One breach a check, however many leaves it found.</summary>
    private void ReportLeaves(in FoundLeaves found, int invariant, string detail)
    {
        if (found.Count == 0)
        {
            return;
        }

        Breach breach = new(invariant, !found.Doubtful && !WindowsUntold, _seq, _time, _vmIndex, found.Gfn, found.Pfn, FormattableString.Invariant($"{detail} ({found.Count} leaves)"));
        if (invariant is InvariantList.TtmOrder or InvariantList.NoSpteToFree)
        {
            Invariants.Defer(breach);
        }
        else
        {
            Invariants.Report(breach);
        }
    }

    /// <summary>Leaves that a check found where none should be: how many, and the first of them.</summary>
    private struct FoundLeaves
    {
        public long Count;
        public ulong Gfn;
        public ulong Pfn;
        public bool Doubtful;

        public void Add(ulong gfn, ulong pfn, bool doubtful)
        {
            if (Count++ == 0)
            {
                Gfn = gfn;
                Pfn = pfn;
            }

            Doubtful |= doubtful;
        }
    }

    private struct PresentVisitor : ILeafVisitor
    {
        public RadixTable Doubtful;

        /// <summary>Leaves that the host itself put there inside the window; null where that is no excuse.</summary>
        public RadixTable? Replaced;
        public FoundLeaves Found;

        public void Visit(ulong gfn, int level, ref ulong spte)
        {
            if (SpteLayout.IsPresent(spte))
            {
                if (Replaced is not null && Replaced[gfn] != 0)
                {
                    // Of this window only.
                    Replaced[gfn] = 0;
                    return;
                }

                Found.Add(gfn, SpteLayout.Pfn(spte), Doubtful[gfn] != 0);
            }
        }
    }

    private struct FreedVisitor : IEntryVisitor
    {
        public FaultModel<TRules, TCounting> Model;
        public FoundLeaves Found;

        public void Visit(ulong index, ref ulong entry)
        {
            if (Model.MapsFreed(index, entry, out ulong gfn))
            {
                Found.Add(gfn, index, doubtful: false);
            }

            entry = 0;
        }
    }
}
