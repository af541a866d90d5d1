using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Buffers;
using TraceReplay.Replay.Timeline.Host;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.X86;

namespace TraceReplay.Replay.Timeline.Inference;

/// <summary>
/// What no probe shows of a fault (spec 8.3, 15), fact by fact. What a lookup finds is said by other faults, by the VMM's own calls and by
/// the allocator, never by the leaf or the error that the fault itself left: that is what the prediction is compared with.
/// </summary>
internal sealed class PageInference(TimelineContext context, VmTracker vms, MemslotTracker memslots, HostTracker host, BufferTracker buffers, InferredFacts facts)
{
    private int _nextSlot;

    /// <summary>Memslots that hold from here on, where no memslot call of the VM is recorded.</summary>
    public void PutSlots(long seq)
    {
        while (_nextSlot < facts.Slots.Count && facts.Slots[_nextSlot].Since <= seq)
        {
            Memslot slot = facts.Slots[_nextSlot++].Slot;
            VmTrack vm = vms.First();
            if (!MayPut(vm))
            {
                continue;
            }

            context.Counts.SlotsInferred++;
            memslots.Put(vm, slot);
            if (context.Kinds.Contains(EventKind.SmmTransition))
            {
                memslots.Put(vm, slot with { AsId = 1 });
            }
        }
    }

    /// <summary>A VM that comes after the first: what its faults show of memslots is shown together with the others'.</summary>
    public void PutSlots(VmTrack vm)
    {
        foreach ((long since, Memslot slot) in facts.Slots)
        {
            if (since <= context.Seq && MayPut(vm))
            {
                memslots.Put(vm, slot);
            }
        }
    }

    // Where lookups are recorded each shows its own memslot.
    private bool MayPut(VmTrack vm) => vm.FirstSlot is null && !context.Kinds.Contains(EventKind.Faultin);

    /// <summary>What is known of the fault's memslot: from records where there are any, else from how other faults ended.</summary>
    public SlotFact SlotOf(OpenFault fault)
    {
        byte asId = (byte)fault.Observed.AsId;
        if (context.Kinds.Contains(EventKind.Faultin))
        {
            return MemslotTracker.FactOf(fault.Vm, fault.Gfn, asId);
        }

        bool known = fault.Vm.Slots[asId].Find(fault.Gfn) is not null;
        if (fault.Vm.FirstSlot is not null && (known || context.Kinds.Contains(EventKind.SetRegion)))
        {
            return MemslotTracker.FactOf(fault.Vm, fault.Gfn, asId);
        }

        SlotFact fact = facts.HasSlot(fault.Gfn, fault.Observed.Seq, fault.Observed.FaultId) switch
        {
            null when fault.LookupByRequest && known => SlotFact.Inferred,
            null => SlotFact.Unknown,
            false => SlotFact.NoneInferred,
            true when !known => SlotFact.Unknown,
            true => SlotFact.Inferred,
        };
        return fact == SlotFact.Inferred && !context.Kinds.Contains(EventKind.PageAlloc) && facts.Witnesses.IsAnyRefusedBut(fault.Observed.FaultId)
            ? SlotFact.AmongRefused
            : fact;
    }

    /// <summary>The fault takes mmu_lock about here; what its lookup finds is told before.</summary>
    public LookupFact Prepare(OpenFault fault)
    {
        if (fault.SlotFact is not (SlotFact.Inferred or SlotFact.AmongRefused or SlotFact.Recorded) || fault.Vm.Slots[fault.Observed.AsId].Find(fault.Gfn) is not { } slot)
        {
            return LookupFact.None;
        }

        fault.Hva = slot.Hva(fault.Gfn);
        if (host.ChangedSince(fault.Vm, fault.Hva, fault.SnapshotAfter))
        {
            // The VMM's mapping changes meanwhile: the lookup may have met it before or after.
            return LookupFact.OrderUnknown;
        }

        Vma? vma = fault.Vm.Memory.FindVma(fault.Hva);
        bool guessed = fault.Vm.FirstSlot is null && facts.IsGuessed(slot) && (vma is null || (vma.Flags & VmaFlags.Read) == 0);
        if (guessed)
        {
            vma = null;
        }
        else if (vma is { Kind: PageKind.N })
        {
            return LookupFact.Forbidden;
        }

        if (!fault.Vm.Memory.Pte(fault.Hva).Present)
        {
            InferPage(fault, vma);
        }

        return guessed ? LookupFact.Found : LookupFact.None;
    }

    /// <summary>After a fault has ended, its leaf is what later faults find.</summary>
    public void Learn(OpenFault fault)
    {
        ref ObservedFault observed = ref fault.Observed;
        // A fault closes with its vCPU's next record: a window may have taken the leaf since.
        bool stands = !context.Kinds.Contains(EventKind.SpteChanged) || fault.Observed.Shadow || SpteLayout.IsPresent(context.Records.Leaf(fault.Vm, observed.AsId, fault.Gfn));
        if (observed.HasLeaf && !fault.LookupShown && stands)
        {
            LearnLeaf(fault.Vm, (byte)observed.AsId, fault.Gfn, observed.Spte, observed.Level, observed.FaultId, stands: fault.SlotFact == SlotFact.Unknown);
        }
    }

    public void LearnLeaf(VmTrack vm, byte asId, ulong gfn, ulong spte, int level, long fault, bool stands)
    {
        if (vm.Slots[asId].Find(gfn) is { } slot)
        {
            ulong pfn = SpteLayout.Pfn(spte) + (gfn & (Levels.Pages(level) - 1));
            bool device = facts.IsDevice(gfn, fault) || facts.Blocks.PfnAt(gfn, context.Seq, fault) is not null;
            if (device)
            {
                host.KnowRemapped(vm, vm.Memory.FindVma(slot.Hva(gfn)));
            }

            HostPte pte = HostPte.Make(pfn, (spte & context.Options.HostWritableBit) != 0, device, level: 0);
            vm.Memory.SetPte(slot.Hva(gfn), pte);
            context.Emit(OperationKind.PteKnown, vm, slot.Hva(gfn), pte.Raw);

            // A leaf in the PCI hole shows that the buffer lies in VRAM, another that it does not.
            buffers.Place(vm.Memory.FindVma(slot.Hva(gfn))?.Bo ?? 0, InferredFacts.IsInPciHole(pfn) ? 2UL : 0UL);
        }

        context.Emit(OperationKind.LeafKnown, vm, gfn, spte, stands ? 1UL : 0UL, (ulong)level, asId);
    }

    /// <summary>A leaf is gone by no window: what it mapped may be another page next time.</summary>
    public static void Forget(VmTrack vm, ulong gfn, ulong level)
    {
        if (vm.Slots[0].Find(gfn) is { } slot)
        {
            vm.Memory.Forget(slot.Hva(gfn), slot.Hva(gfn) + (Levels.Pages((int)level) << 12));
        }
    }

    /// <summary>Other faults and the allocator show a driver's block here: KVM may refuse it for its refcount.</summary>
    public bool IsDriversPage(OpenFault fault) =>
        facts.Blocks.PfnAt(fault.Gfn, context.Seq, fault.Observed.FaultId) is not null || facts.IsDevice(fault.Gfn, fault.Observed.FaultId);

    /// <summary>The page behind a gfn that no earlier leaf shows.</summary>
    private void InferPage(OpenFault fault, Vma? vma)
    {
        ulong gfn = fault.Gfn;
        long seq = fault.Observed.Seq;
        long self = fault.Observed.FaultId;

        // A read brings the zero page, or the file's own page, into a private mapping that was not written yet.
        bool copies = vma is not null && (vma.Flags & VmaFlags.Shared) == 0 && !facts.Witnesses.WasWritten(gfn, seq);
        bool writable = vma is null || ((vma.Flags & VmaFlags.Write) != 0 && (!copies || (fault.Access & FaultAccess.Write) != 0));
        ulong? placed = facts.Blocks.PfnAt(gfn, context.Seq, self);
        bool device = placed is not null || vma is { IsRemapped: true } || facts.IsDevice(gfn, self);
        if (placed is null && !facts.Blocks.EndsAt(gfn, context.Seq, self) && facts.Witnesses.AreNeighboursRefused(gfn, fault.Hva >> 12, (fault.Access & FaultAccess.Write) != 0, seq, self, facts.Windows))
        {
            // No block shows it, but KVM refuses what lies around it: a tail page, or no page at all.
            context.Emit(OperationKind.VmaMapKind, fault.Vm, fault.Hva & ~0xfffUL, (fault.Hva & ~0xfffUL) + 4096, (ulong)((vma?.Flags ?? VmaFlags.Read | VmaFlags.Write) | VmaFlags.Io | VmaFlags.PfnMap), (ulong)PageKind.P4);
            device = true;
        }
        else if (device)
        {
            host.KnowRemapped(fault.Vm, vma);
        }

        context.Counts.PagesInferred++;
        context.Emit(OperationKind.PteKnown, fault.Vm, fault.Hva, HostPte.Make(placed ?? SpecialPfn.MadeUp(gfn), writable, special: device, level: 0).Raw);
    }
}
