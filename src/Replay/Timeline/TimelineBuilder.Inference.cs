using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Inference;

namespace TraceReplay.Replay.Timeline;

/// <content>
/// Faults of a capture without probes (spec 8.3, 15). What a lookup finds is said by other faults, by the VMM's own calls and by
/// the allocator, never by the leaf or the error that the fault itself left: that is what the prediction is compared with.
/// </content>
internal sealed partial class TimelineBuilder
{
    private readonly Dictionary<ulong, ulong> _boPlaces = [];
    private int _nextInferredSlot;

    private void PutInferredSlots(long seq)
    {
        while (_nextInferredSlot < _inferred!.Slots.Count && _inferred.Slots[_nextInferredSlot].Since <= seq)
        {
            Memslot slot = _inferred.Slots[_nextInferredSlot++].Slot;
            if (_vms.Count == 0)
            {
                _vms.Add(new VmTrack(0, 0));
            }

            Counts.SlotsInferred++;
            PutSlot(_vms[0], slot);
            if (_kinds.Contains(EventKind.SmmTransition))
            {
                PutSlot(_vms[0], slot with { AsId = 1 });
            }
        }
    }

    private SlotFact InferSlot(OpenFault fault)
    {
        ulong gfn = fault.Observed.Gpa >> 12;
        fault.SlotFact = _inferred!.HasSlot(gfn, fault.Observed.Seq, fault.Observed.FaultId) switch
        {
            null => SlotFact.Unknown,
            false => SlotFact.NoneInferred,
            true when fault.Vm.Slots[fault.Observed.AsId].Find(gfn) is null => SlotFact.Unknown,
            true => SlotFact.Inferred,
        };
        return fault.SlotFact == SlotFact.Inferred && !_kinds.Contains(EventKind.PageAlloc) && _inferred.Witnesses.IsAnyRefusedBut(fault.Observed.FaultId)
            ? SlotFact.AmongRefused
            : fault.SlotFact;
    }

    /// <summary>The fault takes mmu_lock about here; what its lookup finds is told before.</summary>
    private void CommitInferred(OpenFault fault)
    {
        fault.Committed = true;
        fault.Observed.OrderAmbiguous = Moved(fault.AtBegin, Mark(fault));
        LookupFact fact = fault.AsyncQueued ? LookupFact.AsyncQueued : LookupFact.None;
        ulong gfn = fault.Observed.Gpa >> 12;
        if (fault.SlotFact == SlotFact.Inferred && fault.Vm.Slots[fault.Observed.AsId].Find(gfn) is { } slot)
        {
            fault.Hva = slot.Hva(gfn);
            Vma? vma = fault.Vm.Memory.FindVma(fault.Hva);
            if (fact == LookupFact.None && IsNearWindow(fault))
            {
                fact = LookupFact.OrderUnknown;
            }
            else if (vma is { Kind: PageKind.N })
            {
                fact = LookupFact.Forbidden;
            }
            else if (!fault.Vm.Memory.Pte(fault.Hva).Present)
            {
                InferPage(fault, gfn, vma);
            }
        }

        fault.OrderUnknown = fact == LookupFact.OrderUnknown;
        EmitFault(fault, OperationKind.FaultMap, (ulong)fact);
    }

    /// <summary>
    /// Another task's window was or may have been open while the fault was: nothing recorded tells on which side of the fault's
    /// checks it ended, and an end counts wherever the window lay, as it moves the sequence (spec 4.1). A window of the fault's own
    /// task lies inside its lookup.
    /// </summary>
    private bool IsNearWindow(OpenFault fault)
    {
        foreach ((int pid, Window window, long end) in _endedWindows)
        {
            if (pid != fault.Observed.Pid && end > fault.Observed.Seq && TouchesSlot(window))
            {
                return true;
            }
        }

        foreach ((ThreadState thread, Window window) in _openWindows)
        {
            if (thread.Pid != fault.Observed.Pid && TouchesSlot(window))
            {
                return true;
            }
        }

        return false;
    }

    private static bool TouchesSlot(Window window)
    {
        return window.Vm.Slots[0].OverlappingHva(window.Start, window.End).MoveNext();
    }

    // The last windows that ended: a fault that was under way then may have met them.
    private readonly Queue<(int Pid, Window Window, long End)> _endedWindows = new();
    private const int MaxEndedWindows = 64;

    private void RememberEnded(int pid, Window window)
    {
        if (_endedWindows.Count == MaxEndedWindows)
        {
            _endedWindows.Dequeue();
        }

        _endedWindows.Enqueue((pid, window, _seq));
    }

    /// <summary>
    /// Spec 15.2, policy c: a window is taken to last no longer than a whole fault of another task that began after it, unless
    /// that fault had to retry on one of its pages.
    /// </summary>
    private void EndWindowsOutlivedBy(OpenFault fault)
    {
        bool retried = fault.Observed.Outcome is FaultOutcome.Retry or FaultOutcome.Unknown;
        for (int i = _openWindows.Count - 1; i >= 0; i--)
        {
            (ThreadState thread, Window window) = _openWindows[i];
            bool covers = window.Start < fault.Hva + 4096 && fault.Hva < window.End;
            if (thread.Pid != fault.Observed.Pid && window.Begun && window.BeginsAfter < fault.Observed.Seq && !(retried && covers))
            {
                Counts.WindowsClosedByFault++;
                thread.Windows.Remove(window);
                EndWindow(window, WindowEnd.Fault);
            }
        }
    }

    /// <summary>The page behind a gfn that no earlier leaf shows.</summary>
    private void InferPage(OpenFault fault, ulong gfn, Vma? vma)
    {
        long seq = fault.Observed.Seq;
        long self = fault.Observed.FaultId;

        // A read brings the zero page, or the file's own page, into a private mapping that was not written yet.
        bool copies = vma is not null && (vma.Flags & VmaFlags.Shared) == 0 && !_inferred!.Witnesses.WasWritten(gfn, seq);
        bool writable = vma is null || ((vma.Flags & VmaFlags.Write) != 0 && (!copies || (fault.Access & FaultAccess.Write) != 0));
        ulong? placed = _inferred!.Blocks.PfnAt(gfn, _seq, self);
        bool device = placed is not null || vma is { IsRemapped: true } || _inferred.IsDevice(gfn, self);
        if (placed is null && !_inferred.Blocks.EndsAt(gfn, _seq, self) && _inferred.Witnesses.AreNeighboursRefused(gfn, fault.Hva >> 12, (fault.Access & FaultAccess.Write) != 0, seq, self, _inferred.Windows))
        {
            // No block shows it, but KVM refuses what lies around it: a tail page, or no page at all.
            Emit(OperationKind.VmaMapKind, fault.Vm, fault.Hva & ~0xfffUL, (fault.Hva & ~0xfffUL) + 4096, (ulong)((vma?.Flags ?? VmaFlags.Read | VmaFlags.Write) | VmaFlags.Io | VmaFlags.PfnMap), (ulong)PageKind.P4);
            device = true;
        }
        else if (device)
        {
            KnowRemapped(fault.Vm, vma);
        }

        Counts.PagesInferred++;
        Emit(OperationKind.PteKnown, fault.Vm, fault.Hva, HostPte.Make(placed ?? SpecialPfn.MadeUp(gfn), writable, special: device).Raw);
    }

    /// <summary>After a fault has ended, its leaf is what later faults find.</summary>
    private void LearnFromLeaf(OpenFault fault)
    {
        ref ObservedFault observed = ref fault.Observed;
        if (!observed.HasLeaf)
        {
            return;
        }

        LearnLeaf(fault.Vm, (byte)observed.AsId, observed.Gpa >> 12, observed.Spte, observed.Level, fault.Observed.FaultId, stands: fault.SlotFact == SlotFact.Unknown || fault.OrderUnknown);
    }

    private void LearnLeaf(VmTrack vm, byte asId, ulong gfn, ulong spte, int level, long fault, bool stands)
    {
        if (vm.Slots[asId].Find(gfn) is { } slot)
        {
            ulong pfn = SpteLayout.Pfn(spte) + (gfn & (Levels.Pages(level) - 1));
            bool device = _inferred!.IsDevice(gfn, fault) || _inferred.Blocks.PfnAt(gfn, _seq, fault) is not null;
            if (device)
            {
                KnowRemapped(vm, vm.Memory.FindVma(slot.Hva(gfn)));
            }

            HostPte pte = HostPte.Make(pfn, (spte & _options.HostWritableBit) != 0, device, level);
            vm.Memory.SetPte(slot.Hva(gfn), pte);
            Emit(OperationKind.PteKnown, vm, slot.Hva(gfn), pte.Raw);
            PlaceBo(vm.Memory.FindVma(slot.Hva(gfn))?.Bo ?? 0, pfn);
        }

        Emit(OperationKind.LeafKnown, vm, gfn, spte, stands ? 1UL : 0UL, (ulong)level, asId);
    }

    /// <summary>A mapping of device memory, or of a driver's blocks, is VM_IO or VM_PFNMAP, whatever the mmap call looked like.</summary>
    private void KnowRemapped(VmTrack vm, Vma? vma)
    {
        if (vma is { IsRemapped: false } and not { Kind: PageKind.N })
        {
            KnowVma(vm, vma.Start, vma.End, vma.Flags | VmaFlags.Io | VmaFlags.PfnMap, vma.Bo);
        }
    }

    /// <summary>A leaf in the PCI hole shows that the buffer lies in VRAM, another that it does not.</summary>
    private void PlaceBo(ulong bo, ulong pfn)
    {
        ulong memoryType = InferredFacts.IsInPciHole(pfn) ? 2UL : 0UL;
        if (bo != 0 && (!_boPlaces.TryGetValue(bo, out ulong known) || known != memoryType))
        {
            _boPlaces[bo] = memoryType;
            EmitHost(OperationKind.BoPlace, bo, memoryType);
        }
    }

    private static void ForgetPage(VmTrack vm, ulong gfn, ulong level)
    {
        if (vm.Slots[0].Find(gfn) is { } slot)
        {
            vm.Memory.Forget(slot.Hva(gfn), slot.Hva(gfn) + (Levels.Pages((int)level) << 12));
        }
    }

    /// <summary>The timeline's own copy of what the VMM maps: only inference asks for it.</summary>
    private void LearnMapping(VmTrack vm, in Operation mapping)
    {
        if (_inferred is null)
        {
            return;
        }

        switch (mapping.Kind)
        {
            case OperationKind.VmaMapKind:
                vm.Memory.Map(new Vma(mapping.A, mapping.B, (VmaFlags)mapping.C, (PageKind)mapping.D));
                break;
            case OperationKind.VmaMap:
                vm.Memory.Map(new Vma(mapping.A, mapping.B, (VmaFlags)mapping.C, PageKind.Unknown, mapping.D));
                break;
            case OperationKind.VmaUnmap:
                vm.Memory.Map(new Vma(mapping.A, mapping.B, VmaFlags.None, PageKind.N));
                break;
        }
    }
}
