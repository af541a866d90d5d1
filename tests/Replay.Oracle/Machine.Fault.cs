using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <content>The handler's steps 1 to 13 (spec 3.3), and its end (spec 3.1).</content>
public sealed partial class Machine
{
    private void Begin(Vm vm, Fault fault)
    {
        if (fault.Access.HasFlag(FaultAccess.Reserved))
        {
            // Spec 4.8. An MMIO SPTE of another generation goes the slow way.
            if (vm.LeafOf(fault.AsId, fault.Gfn) is null
                && vm.Mmio.TryGetValue((fault.AsId, fault.Gfn), out uint generation)
                && generation == vm.MemslotGeneration)
            {
                fault.Kind = PageKind.NoSlot;
                fault.Path = FaultPath.MmioCached;
                fault.End(FaultOutcome.Emulate);
                return;
            }
        }
        else if (fault.Access.HasFlag(FaultAccess.Present) && fault.Write && !fault.Shadow && TryFastPath(vm, fault))
        {
            return;
        }

        // 4.
        fault.SeqSnapshot = vm.Invalidation.Seq;
        fault.Root = vm.RootGeneration;
        fault.MemslotGeneration = vm.MemslotGeneration;
        fault.Slot = vm.SlotOf(fault.AsId, fault.Gfn);

        // 6.
        if (fault.Slot is null)
        {
            fault.Kind = PageKind.NoSlot;
            fault.Path = FaultPath.NoSlot;
            fault.LookedUp = true;
            return;
        }

        // 7 and 9; at 6.8 the other way round.
        bool windowHits = Kernel.Precheck && (fault.Told?.First ?? IsStale(vm, fault));
        if (Kernel.PrecheckBeforeInvalidSlot && windowHits)
        {
            fault.Retry(RetryCause.PrecheckBeforeLookup);
        }
        else if (fault.Slot.Invalid || fault.Told is { SlotInvalid: true })
        {
            fault.Retry(RetryCause.SlotInvalid);
        }
        else if (windowHits)
        {
            fault.Retry(RetryCause.PrecheckBeforeLookup);
        }
    }

    /// <summary>Spec 4.6.</summary>
    private static bool TryFastPath(Vm vm, Fault fault)
    {
        if (vm.LeafOf(fault.AsId, fault.Gfn) is not { } leaf)
        {
            return false;
        }

        if (leaf.Writable)
        {
            fault.Path = FaultPath.Fast;
            fault.EndWith(FaultOutcome.Spurious, leaf);
            return true;
        }

        bool slotLogsDirty = vm.SlotOf(fault.AsId, fault.Gfn) is { LogDirty: true };
        if (!leaf.MmuWritable || (leaf.Level > 1 && slotLogsDirty))
        {
            return false;
        }

        leaf.Writable = true;
        fault.Path = FaultPath.Fast;
        fault.EndWith(FaultOutcome.FixedFast, leaf);
        return true;
    }

    /// <summary>Steps 10 and 11.</summary>
    private void LookUp(Vm vm, Fault fault, LookupFact fact)
    {
        if (fault.Ended || fault.LookedUp)
        {
            return;
        }

        fault.LookedUp = true;
        Resolve(vm, fault, fact);
        if (Kernel.Arm64)
        {
            BeforeLock(fault);
            return;
        }

        if (!fault.Ended && Kernel.Precheck && (fault.Told?.Second ?? IsStale(vm, fault)))
        {
            fault.Retry(RetryCause.PrecheckAfterLookup);
            ReleaseAtPrecheck(fault);
        }
    }

    /// <summary>Steps 12 to 16.</summary>
    private void UnderLock(Vm vm, Fault fault)
    {
        if (fault.Ended)
        {
            return;
        }

        if (fault.Told?.RootsGone ?? fault.Root != vm.RootGeneration)
        {
            fault.Retry(RetryCause.RootObsolete);
        }
        else if (fault.Slot is not null && (fault.Told?.Locked ?? IsStale(vm, fault)))
        {
            fault.Retry(vm.Invalidation.Covers(RangeUnit(fault)) ? RetryCause.WindowOpen : RetryCause.SeqMoved);
        }
        else
        {
            fault.ReachedLock = true;
            Install(vm, fault);
        }

        Finish(fault);
    }

    private void Install(Vm vm, Fault fault)
    {
        if (fault.Told is { RaceLost: true })
        {
            fault.Retry(RetryCause.LostRace);
        }
        else if (fault.Slot is null)
        {
            // INV-27: what was looked up before a memslot came is no answer to it.
            WalkTo(vm, fault, 1);
            ReplaceLeaf(vm, fault, 1, null);
            vm.Mmio[(fault.AsId, fault.Gfn)] = fault.MemslotGeneration;
            fault.End(FaultOutcome.Emulate);
        }
        else
        {
            Map(vm, fault.Slot, fault);
        }
    }

    private ulong RangeUnit(Fault fault) => Kernel.RangeUnitIsHva ? fault.Slot!.Hva(fault.Gfn) : fault.Gfn;

    /// <summary>Spec 4.1.</summary>
    private bool IsStale(Vm vm, Fault fault) =>
        vm.Invalidation.Covers(RangeUnit(fault)) || vm.Invalidation.Seq != fault.SeqSnapshot;

    /// <summary>Spec 3.1, "pre-lock recheck says retry".</summary>
    private void ReleaseAtPrecheck(Fault fault)
    {
        switch (Kernel.Series)
        {
            case Series.Current when fault.HeldHead is { } head:
                // B14: the "clean" release marks the page, though it was not used.
                MarkAccessed(fault, fault.LookupPfn, head);
                Put(fault, head);
                break;
            case Series.V11 when Pages.HasRefcountedPage(fault.LookupPfn):
                // BUG-V11-1: nothing is held.
                ulong page = fault.RefcountedHead ?? Pages.Head(fault.LookupPfn);
                MarkAccessed(fault, fault.LookupPfn, page);
                Put(fault, page);
                break;
            case Series.Merged when fault.HeldHead is { } head:
                Put(fault, head);
                break;
        }

        fault.HeldHead = null;
    }

    /// <summary>Spec 3.1, "after install / on stale".</summary>
    private void Finish(Fault fault)
    {
        switch (Kernel.Series)
        {
            case Series.Current when fault.HeldHead is { } held:
                ulong head = fault.ReleasePfn == fault.LookupPfn ? held : Pages.Head(fault.ReleasePfn);
                MarkAccessed(fault, fault.ReleasePfn, head);
                Put(fault, head);
                break;
            case Series.V11 when fault.RefcountedHead is { } page:
                MarkAccessed(fault, fault.LookupPfn, page);
                break;
            case Series.Merged when fault.HeldHead is { } held:
                if (fault.Outcome != FaultOutcome.Retry)
                {
                    MarkAccessed(fault, fault.LookupPfn, held);
                    if (fault.MapWritable)
                    {
                        MarkDirty(fault, fault.LookupPfn, held);
                    }
                }

                Put(fault, held);
                break;
        }

        fault.HeldHead = null;
    }
}
