using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline;

/// <content>Memslots, the VMM's mappings, TTM: what the probes tell of the host (spec 8.3, 9.6).</content>
internal sealed partial class TimelineBuilder
{
    private const ulong MapAnonymous = 0x20;
    private const ulong MapShared = 0x1;

    // DRM_FILE_PAGE_OFFSET_START in bytes: where a DRM file has its buffers; the offset names the buffer.
    private const ulong DrmOffsets = 0x1_0000_0000;
    private const int MaxEarlyMappings = 4096;
    private const int MaxVms = 1024;

    // VM_FAULT_NOPAGE: the driver has put the page there itself.
    private const ulong VmFaultNoPage = 0x100;

    private void OnSetRegion(EventCursor e, ThreadState thread)
    {
        VmTrack? vm = _vms.Find(v => v.Kvm == e[0]) ?? _vms.Find(v => v.Kvm == 0);
        if (vm is null && _vms.Count >= MaxVms)
        {
            Counts.VmAssumed++;
            return;
        }

        if (vm is null)
        {
            vm = new VmTrack((short)_vms.Count, e[0]);
            _vms.Add(vm);
        }

        vm.Kvm = e[0];
        thread.Vm ??= vm;
        Attach(thread, vm);
        byte asId = (byte)((e[1] >> 16) & 1);
        int id = (int)(e[1] & 0xffff);
        Memslot? old = vm.Slots[asId].ById(id);
        Memslot? now = e[4] == 0 ? null : new Memslot(asId, id, e[3] >> 12, e[4] >> 12, e[5], (MemslotFlags)(uint)e[2]);
        bool goes = old is not null && (now is null || now with { Flags = old.Flags } != old);
        if (goes)
        {
            Emit(OperationKind.SlotInvalidate, vm, d: (ulong)id << 32, asId: asId);
        }
        else if (old is not null && now is not null)
        {
            // Flags only: the new set is active before the write protection that the rest of the call is spent on.
            PutSlot(vm, now);
        }

        thread.Region = new PendingRegion(vm, now, old, goes, e.Seq);
        Records.RegionCalls++;
        Counts.SlotsFromRegionCall++;
    }

    private void OnSetRegionReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Region is not { } region)
        {
            return;
        }

        thread.Region = null;
        Records.RegionCalls--;
        if (!e.Knows(0))
        {
            // What became of the slot shows at the next fault in it.
            Counts.EventsUntold++;
            return;
        }

        if ((int)e[0] == 0)
        {
            Records.SlotsChanged(region, _openWindows);
        }

        Memslot? active = (int)e[0] == 0 ? region.New : region.Old;
        if (active is not null)
        {
            PutSlot(region.Vm, active);
        }
        else if (region.Old is { } gone)
        {
            region.Vm.Slots[gone.AsId].Remove(gone.Id);
            Emit(OperationKind.SlotRemove, region.Vm, d: (ulong)gone.Id << 32, asId: (byte)gone.AsId);
        }
    }

    private void PutSlot(VmTrack vm, Memslot slot)
    {
        vm.Slots[slot.AsId].Put(slot);
        Emit(OperationKind.SlotPut, vm, slot.BaseGfn, slot.Npages, slot.UserspaceAddr, (uint)slot.Flags | ((ulong)slot.Id << 32), (byte)slot.AsId);
    }

    private void OnMmapReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Mmap is not { } call)
        {
            return;
        }

        thread.Mmap = null;
        long address = (long)e[0];
        if (address is < 0 and > -4096)
        {
            return;
        }

        PageKind kind = (call.Flags & MapAnonymous) != 0 ? PageKind.A1 : PageKind.F1;
        VmaFlags flags = FromProt(call.Prot) | ((call.Flags & MapShared) != 0 ? VmaFlags.Shared : 0);
        if (_inferred is not null && (call.Flags & (MapShared | MapAnonymous)) == MapShared && call.Offset >= DrmOffsets)
        {
            EmitMapping(thread, OperationKind.VmaMap, e[0], e[0] + ((call.Length + 4095) & ~4095UL), (ulong)(flags | VmaFlags.Io | VmaFlags.PfnMap), call.Offset);
            return;
        }

        EmitMapping(thread, OperationKind.VmaMapKind, e[0], e[0] + ((call.Length + 4095) & ~4095UL), (ulong)flags, (ulong)kind);
    }

    private void OnMprotect(EventCursor e, ThreadState thread)
    {
        ulong end = e[0] + ((e[1] + 4095) & ~4095UL);
        thread.Vm?.Memory.Protect(e[0], end, FromProt(e[2]));
        EmitMapping(thread, OperationKind.VmaProtect, e[0], end, (ulong)FromProt(e[2]));
    }

    /// <summary>A mapping belongs to the VMM once the task has shown which VM it works for; until then it is kept.</summary>
    private void EmitMapping(ThreadState thread, OperationKind kind, ulong start, ulong end, ulong c = 0, ulong d = 0)
    {
        if (thread.Vm is { } vm)
        {
            Emit(kind, vm, start, end, c, d);
            LearnMapping(vm, new Operation { Kind = kind, A = start, B = end, C = c, D = d });
        }
        else if (thread.EarlyMappings.Count < MaxEarlyMappings)
        {
            thread.EarlyMappings.Add(new Operation { Kind = kind, Open = -1, FaultId = -1, A = start, B = end, C = c, D = d });
        }
    }

    private void OnTtmFault(EventCursor e, ThreadState thread)
    {
        thread.TtmBo = e[0];
        KnowVma(VmOf(thread), e[2], e[3], (VmaFlags)e[1], e[0]);
    }

    private void OnInsertPfn(EventCursor e, ThreadState thread)
    {
        thread.Insert = (e[0], e[1], e[2]);
        if (thread.TtmBo == 0)
        {
            KnowVma(VmOf(thread), e[3], e[4], (VmaFlags)e[2], 0);
        }
    }

    private void KnowVma(VmTrack vm, ulong start, ulong end, VmaFlags flags, ulong bo)
    {
        Vma vma = new(start, end, flags, PageKind.Unknown, bo);
        if (vm.Memory.FindVma(start) != vma)
        {
            vm.Memory.Map(vma);
            Emit(OperationKind.VmaMap, vm, start, end, (ulong)flags, bo);
        }
    }

    private void OnInsertPfnReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Insert is not { } insert)
        {
            return;
        }

        thread.Insert = null;
        if (e[0] != VmFaultNoPage)
        {
            return;
        }

        VmTrack vm = VmOf(thread);
        vm.InsertedPfns[insert.Hva >> 12] = insert.Pfn + 1;
        bool writable = IsSharedWritable((VmaFlags)insert.VmaFlags);
        Emit(OperationKind.PteKnown, vm, insert.Hva, HostPte.Make(insert.Pfn, writable, special: true).Raw);
    }

    private void OnRemapPfn(EventCursor e, ThreadState thread)
    {
        // The leaves themselves are learned when a lookup follows them: the range may be gigabytes.
        const VmaFlags remapped = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Read | VmaFlags.Write | VmaFlags.Shared;
        KnowVma(VmOf(thread), e[0], e[0] + e[2], remapped, 0);
    }

    private void OnTtmMoveReturn(EventCursor e, ThreadState thread)
    {
        if (thread.TtmMove is not { } move)
        {
            return;
        }

        thread.TtmMove = null;
        (move.EndSeq, move.EndAt, move.Result) = (e.Seq, e.Time, (int)e[0]);
        EndedMoves.Add(move);
        if (move.Result == 0)
        {
            EmitHost(OperationKind.BoPlace, move.Bo, move.NewType);
        }
    }

    private static void OnTtmMove(EventCursor e, ThreadState thread) => thread.TtmMove = new BoMove(
        e.Seq,
        e.Time,
        e.Pid,
        e[0],
        e.Knows(2) ? e[2] : null,
        e[1],
        e.Knows(3) ? e[3] : null,
        e.Knows(4) ? e[4] != 0 : null);

    private static VmaFlags FromProt(ulong prot) => (VmaFlags)(prot & 7);

    private static bool IsSharedWritable(VmaFlags flags) => (flags & (VmaFlags.Shared | VmaFlags.Write)) == (VmaFlags.Shared | VmaFlags.Write);
}
