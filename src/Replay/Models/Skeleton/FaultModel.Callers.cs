using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <content>
/// Lookups that are not a fault's: kvm_vcpu_map, pfn caches, prefetched neighbours; and what the owner of a page does to it
/// (spec 3, 4.5, 4.7, 5).
/// </content>
internal abstract partial class FaultModel<TRules, TCounting>
{
    private FaultContext ExecuteCaller(VmState vm, in Operation op, ref FaultContext map)
    {
        switch (op.Kind)
        {
            case OperationKind.VcpuMap:
                MapForKernel(vm, in op, ref map);
                return map;
            default:
                ReleaseKernelMap(ref map);
                return map;
        }
    }

    /// <summary>kvm_vcpu_map: refused is EFAULT here; what is mapped stays held until the unmap.</summary>
    private void MapForKernel(VmState vm, in Operation op, ref FaultContext map)
    {
        bool reused = map.Caller == LookupCaller.VcpuMap && map.HoldsRef;
        if (reused && Settings.VcpuMapGuard)
        {
            ReleaseKernelMap(ref map);
            reused = false;
        }

        map = new FaultContext
        {
            Access = FaultAccess.Write,
            Caller = LookupCaller.VcpuMap,
            AsId = op.AsId,
            Gfn = op.A,
            Level = 1,
            Pfn = SpecialPfn.Fault,
            GetsUnconditionally = Settings.UnconditionalGet,
            AllowsUnsafe = Settings.AllowUnsafeMappings,
            Slot = PageSlot.Of(vm.Slots[op.AsId].Find(op.A), op.A),
        };
        if (!map.Slot.Exists || map.Slot.Is(MemslotFlags.Invalid))
        {
            map.End(FaultOutcome.Efault, FaultReason.NoMemslot);
        }
        else
        {
            Resolve(vm, LookupFact.Found, mappingsChange: false, ref map);
            CountHostWork(LookupFact.Found, in map);
            CountContext(in map);
            map.End(map.Outcome == FaultOutcome.Unknown && !SpecialPfn.IsError(map.Pfn) ? FaultOutcome.Fixed : FaultOutcome.Efault, FaultReason.CallerRefused);
        }

        if (map.Outcome == FaultOutcome.Fixed)
        {
            Invariants.Count(CheckPoint.UnguardedUse);
            if (!map.HoldsRef && !Settings.AllowUnsafeMappings)
            {
                map.Violate(InvariantList.UnguardedPinned);
            }
        }

        if (reused)
        {
            // What the map held before is forgotten: nobody will put it.
            map.Violate(InvariantList.RefBalance);
        }

        Invariants.CountFault(map.Violated, map.Violable);
    }

    private void ReleaseKernelMap(ref FaultContext map)
    {
        if (map.HoldsRef)
        {
            map.MarkAccessed(Pages, map.ReleasePfn);
            map.MarkDirty(Pages, map.ReleasePfn);
            map.Put(Pages, map.ReleasePfn);
            Count(CostOperation.MarkAccessed);
            Count(CostOperation.MarkDirty);
            Count(CostOperation.RefPut);
            map.HoldsRef = false;
        }
    }

    /// <summary>
    /// Spec 6.3: up to 8 aligned neighbours of a direct 4 KiB map, by fast get_user_pages only. Returns what was done to the last of them.
    /// </summary>
    private FaultContext PrefetchNeighbours(VmState vm, in Operation op)
    {
        const ulong neighbours = 8;
        FaultContext last = default;
        if (vm.Invalidate.InProgress > 0 || vm.Slots[op.AsId].Find(op.A) is not { } slot)
        {
            return last;
        }

        SpteTables sptes = vm.Sptes[op.AsId];
        sptes.IsShadow = true;
        ulong first = op.A & ~(neighbours - 1);
        for (ulong gfn = Math.Max(first, slot.BaseGfn); gfn < Math.Min(first + neighbours, slot.EndGfn); gfn++)
        {
            HostPte pte = vm.Memory.Pte(slot.Hva(gfn));
            if (gfn == op.A || sptes.Leaf(gfn, out _) != 0 || !pte.Present || !pte.Writable || pte.Special || slot.Is(MemslotFlags.ReadOnly))
            {
                continue;
            }

            vm.Sptes[op.AsId].IsShadow = true;
            FaultContext one = new() { Access = FaultAccess.Prefetch | FaultAccess.Shadow, Gfn = gfn, AsId = op.AsId, Slot = PageSlot.Of(slot, gfn), Level = 1, UnderLock = true };
            one.Path = FaultPath.GupFast;
            one.Pfn = one.LookupPfn = one.ReleasePfn = pte.Pfn;
            Pages.SetKind(pte.Pfn, PageKind.Gup);
            one.Get(Pages);
            one.Spte = _layout.Make(pte.Pfn, 1, hostWritable: true, writable: true, dirty: true) & ~_layout.Accessed;
            one.Spte |= TRules.LeafBits(in one);
            Count(CostOperation.WalkFast, CostOperations.Depth);
            Count(CostOperation.SpteStore);
            sptes.Set(gfn, 1, one.Spte);
            if (TRules.MarksPrefetched)
            {
                one.MarkAccessed(Pages, pte.Pfn);
                one.MarkDirty(Pages, pte.Pfn);
            }

            one.Put(Pages, pte.Pfn);
            one.Writable = true;
            one.End(FaultOutcome.Fixed);
            CountContext(in one);
            last = one;
        }

        return last;
    }

    private void ExecutePfnCache(VmState vm, in Operation op)
    {
        ulong seq = Settings.PfnCacheSeq ? vm.PfnCaches.Seq : vm.Invalidate.Seq;
        if (op.Kind == OperationKind.PfnCacheLookup)
        {
            vm.PfnCaches.Lookup(op.Open, op.A, seq);
            return;
        }

        if (vm.PfnCaches.Find(op.Open) is not { } cache)
        {
            return;
        }

        if (op.Kind == OperationKind.PfnCacheCommit)
        {
            cache.Valid = vm.PfnCaches.ActiveWindows == 0 && cache.Snapshot == seq;
        }
        else if (cache.Valid)
        {
            Invariants.Count(CheckPoint.PfnCacheUse);
            if (cache.WindowSince)
            {
                Report(InvariantList.PfnCacheFresh, certain: true, 0, null, "a pfn cache is in use that a window over its address did not reach");
            }
        }
    }

    /// <summary>split_page: from now on the tails have a count of their own.</summary>
    private void SplitBlock(ulong pfn)
    {
        Invariants.Count(CheckPoint.BlockSplit);
        ulong pages = _hostPages.Split(pfn);
        for (ulong page = pfn; page < pfn + pages; page++)
        {
            if (Pages.Kind(page) is PageKind.P3 or PageKind.P4 or PageKind.P7 or PageKind.P7Tail)
            {
                Pages.SetKind(page, PageKind.P2);
            }
        }
    }
}
