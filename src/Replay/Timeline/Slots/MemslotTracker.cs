using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Timeline.Slots;

/// <summary>
/// Memslots, from the calls that change them and from what faults find (spec 4.7, 8.3). A call has steps: the memslot that goes is
/// marked INVALID, the roots go (kvm_mmu_zap_all_fast), the new memslots become active before it returns. What a fault's own lookup
/// shows of the memslot tells how far it has come.
/// </summary>
internal sealed class MemslotTracker(TimelineContext context, VmTracker vms, WindowTracker windows)
{
    private const int Einval = -22;

    public void OnSetRegion(EventCursor e, TaskState task)
    {
        byte asId = (byte)((e[1] >> 16) & 1);
        int id = (int)(e[1] & 0xffff);
        Memslot? now = e[4] >> 12 == 0 ? null : new Memslot(asId, id, e[3] >> 12, e[4] >> 12, e[5], (MemslotFlags)(uint)e[2]);
        if (vms.OfRegionCall(task, e[0], now, asId, id) is not { } vm)
        {
            return;
        }

        if (!vm.HasFaults && !vm.SlotsRecorded)
        {
            // Its first call, so none came before: what was inferred for it is another's.
            Forget(vm);
        }

        vm.SlotsRecorded = true;
        Memslot? old = vm.Slots[asId].ById(id);
        bool goes = old is not null && (now is null || now.BaseGfn != old.BaseGfn || now.Npages != old.Npages || now.UserspaceAddr != old.UserspaceAddr);
        PendingRegion region = new(vm, now, old, goes, e.Seq);
        task.Region = region;
        vm.Region = region;
        context.Records.RegionCalls++;
        context.Counts.SlotsFromRegionCall++;
        if (!goes && old is not null && now is not null)
        {
            // Flags only: the new set is active before the write protection that the rest of the call is spent on.
            Put(vm, now);
            region.Step = RegionStep.Active;
        }
        else if (goes && !context.Kinds.Contains(EventKind.ZapAllFast))
        {
            // Nothing shows when the roots go.
            Invalidate(region, zapsRoots: true);
        }

        if (!context.Kinds.Contains(EventKind.SetRegionRet))
        {
            // Nothing shows when it returns, nor with what.
            if (goes && region.Step == RegionStep.Called)
            {
                Invalidate(region, zapsRoots: false);
            }

            Close(region, task);
            context.Records.SlotsChanged(region, windows.InProgress);
            Activate(region);
        }
    }

    public void OnSetRegionReturn(EventCursor e, TaskState task)
    {
        if (task.Region is not { } region)
        {
            return;
        }

        Close(region, task);
        if (!e.Knows(0))
        {
            // What became of the slot shows at the next fault in it.
            context.Counts.EventsUntold++;
            return;
        }

        if ((int)e[0] == 0)
        {
            context.Records.SlotsChanged(region, windows.InProgress);
            Activate(region);
        }
        else if (region.Old is { } kept && region.Step != RegionStep.Called)
        {
            Put(region.Vm, kept);
        }
        else if (context.Options.IsArm64 && region is { Old: null, New: { } refused } && (int)e[0] == Einval && !refused.Is(MemslotFlags.LogDirty))
        {
            // Refused for what lies behind it, on this CPU: another kernel would have taken it.
            context.Emit(OperationKind.SlotRefused, region.Vm, refused.BaseGfn, refused.Npages, refused.UserspaceAddr, (uint)refused.Flags | ((ulong)refused.Id << 32), (byte)refused.AsId);
            context.Counts.SlotsRefused++;
        }
    }

    /// <summary>All roots go: a call that deletes or moves a memslot has marked it INVALID by now.</summary>
    public void RootsGone(VmTrack vm)
    {
        if (vm.Region is { Invalidates: true, Step: RegionStep.Called } region)
        {
            Invalidate(region, zapsRoots: false);
        }
    }

    /// <summary>
    /// What the lookup of a fault showed of its memslot: one that the trace did not show before is learned, and a call under way has
    /// come so far.
    /// </summary>
    /// <param name="vm">The fault's VM.</param>
    /// <param name="gfn">The fault's gfn.</param>
    /// <param name="asId">Its address space.</param>
    /// <param name="seen">The memslot; null if the lookup found none.</param>
    public void See(VmTrack vm, ulong gfn, byte asId, Memslot? seen)
    {
        PendingRegion? region = vm.Region;
        if (seen is null)
        {
            if (region is { Invalidates: true, Old: { } gone, Step: not RegionStep.Active } && gone.AsId == asId && gfn >= gone.BaseGfn && gfn < gone.EndGfn)
            {
                Activate(region);
            }
            else if (!context.Kinds.Contains(EventKind.SetRegion) && vm.Slots[asId].Find(gfn) is { } stale)
            {
                // It went by a call that is not recorded.
                Remove(vm, stale);
            }

            return;
        }

        if (region is not null && region.Step != RegionStep.Active)
        {
            if (seen.Is(MemslotFlags.Invalid))
            {
                if (region.Step == RegionStep.Called && region.Old?.Id == seen.Id)
                {
                    Invalidate(region, zapsRoots: false);
                }

                return;
            }

            if (region.New is { } made && made.Id == seen.Id && made.AsId == seen.AsId)
            {
                if (made.BaseGfn == seen.BaseGfn && made.Npages == seen.Npages)
                {
                    Activate(region);
                }

                return;
            }
        }

        Memslot? known = vm.Slots[asId].Find(seen.BaseGfn);
        if (seen.Is(MemslotFlags.Invalid) || known == seen || (known is not null && known with { Flags = seen.Flags } == seen && ((known.Flags ^ seen.Flags) & MemslotFlags.Invalid) != 0))
        {
            return;
        }

        context.Counts.SlotsFromFaults++;
        Put(vm, seen);
    }

    /// <summary>Where the fault's memslot is known from, if a call under way leaves it open.</summary>
    public static SlotFact FactOf(VmTrack vm, ulong gfn, byte asId) =>
        vm.Region is { Invalidates: true, Old: { } old, Step: RegionStep.Called } && old.AsId == asId && gfn >= old.BaseGfn && gfn < old.EndGfn
            ? SlotFact.MayBeInvalid
            : SlotFact.Recorded;

    public void Put(VmTrack vm, Memslot slot)
    {
        vm.Slots[slot.AsId].Put(slot);
        context.Emit(OperationKind.SlotPut, vm, slot.BaseGfn, slot.Npages, slot.UserspaceAddr, (uint)slot.Flags | ((ulong)slot.Id << 32), (byte)slot.AsId);
    }

    private void Remove(VmTrack vm, Memslot slot)
    {
        vm.Slots[slot.AsId].Remove(slot.Id);
        context.Emit(OperationKind.SlotRemove, vm, d: (ulong)slot.Id << 32, asId: (byte)slot.AsId);
    }

    private void Close(PendingRegion region, TaskState task)
    {
        task.Region = null;
        region.Vm.Region = null;
        context.Records.RegionCalls--;
    }

    /// <summary>None of the VM's memslots holds any more.</summary>
    private void Forget(VmTrack vm)
    {
        foreach (Memslots slots in vm.Slots)
        {
            List<Memslot> known = [];
            foreach (Memslot slot in slots.All)
            {
                known.Add(slot);
            }

            foreach (Memslot slot in known)
            {
                Remove(vm, slot);
            }
        }
    }

    private void Invalidate(PendingRegion region, bool zapsRoots)
    {
        region.Step = RegionStep.Invalid;
        Memslot old = region.Old!;
        context.Emit(OperationKind.SlotInvalidate, region.Vm, c: zapsRoots ? 0UL : 1, d: (ulong)old.Id << 32, asId: (byte)old.AsId);
        region.Vm.Roots += zapsRoots ? 1U : 0;
    }

    private void Activate(PendingRegion region)
    {
        if (region.Step == RegionStep.Active)
        {
            return;
        }

        region.Step = RegionStep.Active;
        if (region.New is { } made)
        {
            Put(region.Vm, made);
        }
        else if (region.Old is { } gone)
        {
            Remove(region.Vm, gone);
        }
    }
}
