using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <content>What others do to slots, windows, SPTEs and host memory: spec 4.1, 4.7.</content>
internal abstract partial class FaultModel<TRules, TCounting>
{
    private void ExecuteHost(VmState vm, in Operation op)
    {
        _seq = op.Seq;
        _time = op.Time;
        _vmIndex = op.Vm;
        switch (op.Kind)
        {
            case OperationKind.SlotPut:
                vm.Slots[op.AsId].Put(new Memslot(op.AsId, (int)(op.D >> 32), op.A, op.B, op.C, (MemslotFlags)(uint)op.D));
                SlotsChanged(vm);
                break;
            case OperationKind.SlotRefused when !Settings.RefusesCacheablePfnMap && Checks is null:
                vm.Slots[op.AsId].Put(new Memslot(op.AsId, (int)(op.D >> 32), op.A, op.B, op.C, (MemslotFlags)(uint)op.D));
                SlotsChanged(vm);
                break;
            case OperationKind.SlotRefused:
                break;
            case OperationKind.WriteProtectRange:
                WriteProtect(vm.Sptes[op.AsId], op.A, op.B);
                break;
            case OperationKind.SlotInvalidate:
                InvalidateSlot(vm, in op);
                break;
            case OperationKind.SlotRemove:
                CheckSlotGone(vm, in op);
                vm.Slots[op.AsId].Remove((int)(op.D >> 32));
                SlotsChanged(vm);
                break;
            case OperationKind.WindowOpening:
                OpenWindow(vm, in op);
                break;
            case OperationKind.WindowBegin:
                if (op.FaultId < 0)
                {
                    OpenWindow(vm, in op);
                }

                BeginWindow(vm, op.A, op.B);
                break;
            case OperationKind.WindowEnding:
                vm.Places.MayEnd(op.FaultId, _after);
                break;
            case OperationKind.WindowEnd:
                EndWindow(vm, in op);
                break;
            case OperationKind.PteKnown:
                vm.Memory.SetPte(op.A, new HostPte(op.B));
                break;
            case OperationKind.PteMemory when vm.Memory.Pte(op.A) is { Present: true } pte:
                vm.Memory.SetPte(op.A, pte.WithMemory(op.B != 0));
                break;
            case OperationKind.PteMemory:
                break;
            case OperationKind.ZapRange:
                Zap(vm.Sptes[op.AsId], op.A, op.B, RecordOfZap.None);
                CountFlushOfZaps();
                break;
            case OperationKind.VmaMap:
                vm.Memory.Map(new Vma(op.A, op.B, (VmaFlags)op.C, PageKind.Unknown, op.D));
                break;
            case OperationKind.VmaMapKind:
                vm.Memory.Map(new Vma(op.A, op.B, (VmaFlags)op.C, (PageKind)op.D));
                break;
            case OperationKind.VmaUnmap:
                vm.Memory.Unmap(op.A, op.B);
                break;
            case OperationKind.VmaProtect:
                vm.Memory.Protect(op.A, op.B, (VmaFlags)op.C);
                break;
            case OperationKind.PageAlloc:
                _hostPages.Allocate(op.A, (int)op.B, op.C);
                break;
            case OperationKind.PageFree:
                CheckPageFree(op.A, (int)op.B);
                _hostPages.Free(op.A);
                Pages.Free(op.A, 1UL << ((int)op.B & 31));
                break;
            case OperationKind.BoPlace:
                if (op.C == 0)
                {
                    CheckBoMoved(op.A);
                }

                _hostPages.PlaceBo(op.A, (uint)op.B);
                break;
            case OperationKind.LeafObserved:
                CheckLeaf(vm, in op);
                break;
            case OperationKind.LeafRecorded:
                FollowRecord(vm, in op);
                break;
            case OperationKind.LeafKnown:
                LearnLeaf(vm, in op);
                break;
            case OperationKind.GuestTable:
                vm.GuestTables[op.A] = 1;
                break;
            case OperationKind.NoBlockOrders:
                _hostPages.OrdersRecorded = false;
                break;
            case OperationKind.VmGone:
                _vms[op.Vm] = new VmState();
                _lastVmIndex = -1;
                break;
            case OperationKind.ZapAll:
                ZapAll(vm);
                break;
            case OperationKind.ChangePte:
                ChangePte(vm, op.A, new HostPte(op.B), recorded: op.C != 0);
                break;
            case OperationKind.SplitBlock:
                SplitBlock(op.A);
                break;
            case OperationKind.PfnCacheLookup:
            case OperationKind.PfnCacheCommit:
            case OperationKind.PfnCacheUse:
                ExecutePfnCache(vm, in op);
                break;
            default:
                ChangeLeaf(vm, in op);
                break;
        }
    }

    private void InvalidateSlot(VmState vm, in Operation op)
    {
        Memslot? slot = vm.Slots[op.AsId].ById((int)(op.D >> 32));
        if (slot is not null)
        {
            vm.Slots[op.AsId].Put(slot with { Flags = slot.Flags | MemslotFlags.Invalid });
        }

        if (op.C == 0)
        {
            ZapSlot(vm, slot);
        }
    }

    private protected void ZapAll(VmState vm)
    {
        Count(CostOperation.MmuLockWrite, 2);
        foreach (SpteTables sptes in vm.Sptes)
        {
            Zap(sptes, 0, 1UL << 52, RecordOfZap.WithRoot);
            sptes.Clear();
        }

        CountFlush();
        vm.Shadow.Clear();
        vm.RootsGo(_after, _before);
    }

    /// <summary>From here on the window may be in progress.</summary>
    private void OpenWindow(VmState vm, in Operation op)
    {
        ulong first = ulong.MaxValue;
        ulong last = 0;
        for (int asId = 0; asId < vm.Roots; asId++)
        {
            foreach (Memslot slot in vm.Slots[asId].OverlappingHva(op.A, op.B))
            {
                if (slot.TryGfns(op.A, op.B, out ulong from, out ulong to))
                {
                    first = Math.Min(first, Settings.HullInHva ? op.A : from);
                    last = Math.Max(last, Settings.HullInHva ? op.B : to);
                }
            }
        }

        // One that matches no memslot changes neither the sequence nor the count (spec 4.1).
        if (first < last)
        {
            vm.Places.Forget(op.D != 0 ? (long)op.D : vm.OpenFaults == 0 ? long.MaxValue : OldestSnapshot());
            vm.Places.Add(op.FaultId, op.A, op.B, first, last, _after, _before, op.Open);
        }
    }

    private void BeginWindow(VmState vm, ulong start, ulong end)
    {
        Count(CostOperation.NotifierLock, 2);
        bool matched = false;
        for (int asId = 0; asId < vm.Roots; asId++)
        {
            foreach (Memslot slot in vm.Slots[asId].OverlappingHva(start, end))
            {
                slot.TryGfns(start, end, out ulong first, out ulong last);
                if (!matched)
                {
                    matched = true;
                    vm.Invalidate.Begin();
                }

                if (Settings.HullInHva)
                {
                    vm.Invalidate.Widen(start, end);
                }
                else
                {
                    vm.Invalidate.Widen(first, last);
                }

                Zap(vm.Sptes[asId], first, last, RecordOfZap.OwnRecord, leavesMmio: true);
                vm.Shadow.Zap(first, last);
            }
        }

        Count(CostOperation.MmuLockWrite, matched ? 2 : 0);
        CountFlushOfZaps();
        vm.PfnCaches.WindowBegins(start, end);
        CheckWindowBegin(vm, start, end, matched);
        vm.Memory.Forget(start, end);
    }

    private void EndWindow(VmState vm, in Operation op)
    {
        bool matched = false;
        foreach (Memslots slots in vm.Slots)
        {
            matched |= slots.OverlappingHva(op.A, op.B).MoveNext();
        }

        Count(CostOperation.NotifierLock, 2);
        Count(CostOperation.MmuLockWrite, matched ? 2 : 0);
        Count(CostOperation.PfnCacheSeq, Settings.PfnCacheSeq ? 1 : 0);
        vm.PfnCaches.WindowEnds();
        CheckWindowEnd(vm, in op, matched);
        if (matched)
        {
            if (op.C != 0)
            {
                (int fewest, int most) = vm.Places.InProgress(_before);
                Checks?.Check(CheckedQuantity.InvalidateSeq, vm.Invalidate.Seq == op.C - 1, op.Seq, 0, op.C - 1, vm.Invalidate.Seq);
                Checks?.Check(CheckedQuantity.InProgress, op.D >= (ulong)fewest && op.D <= (ulong)most, op.Seq, 0, op.D, (ulong)(op.D < (ulong)fewest ? fewest : most));
                vm.Invalidate.Observe(op.C - 1, (int)op.D);
            }

            vm.Places.End(op.FaultId, op.A, op.B, _after, _before, op.C == 0 ? 0 : op.C);
            CheckUnrecordedZaps(vm, in op);

            vm.Invalidate.End();
            vm.Windows.Resync(vm.Invalidate.InProgress, vm.Invalidate.Seq);
        }
    }

    private void ChangeLeaf(VmState vm, in Operation op)
    {
        SpteTables sptes = vm.Sptes[op.AsId];
        if (op.Kind == OperationKind.CollapseHuge)
        {
            Collapse(sptes, op.A, (int)op.B, op.C);
            return;
        }

        if (op.Kind == OperationKind.Age)
        {
            Age(vm, op.A, op.B);
            return;
        }

        // A leaf that went with its root is freed later, when the gfn may have a new one.
        if (op.Kind == OperationKind.ZapLeaf && sptes.TakeZapped(op.A, (int)op.B, op.C, _layout.OwnBits) != 0)
        {
            return;
        }

        ulong spte = sptes.Leaf(op.A, out int level);
        if (!SpteLayout.IsPresent(spte))
        {
            return;
        }

        switch (op.Kind)
        {
            case OperationKind.WriteProtect:
                CountFlushOfBatch(in op);
                CountLeaf(CostOperation.SpteClear, PageMarks.None);
                sptes.Set(op.A, level, spte & ~SpteLayout.WriteBit);
                break;
            case OperationKind.ClearDirty:
                CountFlushOfBatch(in op);
                CountLeaf(CostOperation.SpteClear, TRules.BitsLost(Pages, spte, sptes.IsShadow, accessed: false, dirty: (spte & _layout.Dirty) != 0));
                sptes.Set(op.A, level, spte & ~_layout.Dirty);
                break;
            case OperationKind.ZapLeaf:
                CountFlushOfBatch(in op);
                Zap(sptes, op.A, op.A + 1, RecordOfZap.None);
                break;
            case OperationKind.SplitHuge when level > 1:
                Split(sptes, op.A, level, spte);
                break;
        }
    }

    /// <summary>mark_page_dirty_in_slot (spec 4.3): W and the log entry come in one step.</summary>
    private protected void LogDirty(VmState vm, bool logs, ref FaultContext fault)
    {
        if (logs)
        {
            Count(CostOperation.SlotDirty);
            vm.DirtyLog[fault.AsId][fault.Gfn] = 1;
            fault.SlotDirtied = true;
        }
    }

    private protected void Split(SpteTables sptes, ulong gfn, int level, ulong spte)
    {
        ulong block = gfn & ~(Levels.Pages(level) - 1);
        ulong child = level == 2 ? spte & ~SpteLayout.LargeBit : spte;
        ulong step = Levels.Pages(level - 1);
        Count(CostOperation.SpteStore, 512);
        Count(CostOperation.SpteCas);
        sptes.Set(block, level, 0);
        for (ulong i = 0; i < 512; i++)
        {
            sptes.Set(block + (i * step), level - 1, child + ((i * step) << 12));
        }
    }

    /// <summary>The level at which the host maps the page: what leaves around it have shown, else the fault's own.</summary>
    private protected int HostLevel(VmState vm, ulong hva, ref FaultContext fault)
    {
        int host = vm.Memory.Pte(hva).Level;
        host = host != 0 ? host : vm.Memory.Level(hva);
        if (host == 0 || (WindowsUntold && fault is { SlotsUnknown: true, OwnLevel: not 0 }))
        {
            // Nothing but the fault's own leaf shows it: taken from there, and said.
            fault.LevelReadOff = true;
            host = Math.Max((byte)1, fault.OwnLevel);
        }

        if (fault.OwnLevel != 0)
        {
            vm.Memory.SetLevel(hva, fault.OwnLevel);
        }

        return host;
    }

    /// <summary>What the kernel mapped takes the place of a frame that was made up for it (spec 15.4).</summary>
    private static void LearnLeaf(VmState vm, in Operation op)
    {
        SpteTables sptes = vm.Sptes[op.AsId];
        ulong spte = sptes.Leaf(op.A, out int level);
        if (SpteLayout.IsPresent(spte) ? !SpecialPfn.IsMadeUp(SpteLayout.Pfn(spte)) : op.C == 0)
        {
            return;
        }

        sptes.Set(op.A, level, 0);
        sptes.Set(op.A, (int)op.D, op.B | (spte & SpteLayout.RefcountedBit));
    }

    /// <summary>What the kernel's own record says that a fault left; the next faults find that, whatever was predicted.</summary>
    private void FollowRecord(VmState vm, in Operation op)
    {
        if (Checks is null || op.D is < 1 or > 3)
        {
            return;
        }

        SpteTables sptes = vm.Sptes[op.AsId];
        ulong now = sptes.At(op.A, (int)op.D);
        if (SpteLayout.IsPresent(op.B) ? now != op.B : SpteLayout.IsPresent(now))
        {
            Adopt(sptes, op.A, (int)op.D, op.B);
        }
    }

    private static void Adopt(SpteTables sptes, ulong gfn, int level, ulong spte)
    {
        if (!SpteLayout.IsPresent(spte))
        {
            sptes.Set(gfn, level, 0);
            return;
        }

        // A leaf stands alone on its way.
        for (int other = 1; other <= 3; other++)
        {
            if (other != level && SpteLayout.IsPresent(sptes.At(gfn, other)))
            {
                sptes.Set(gfn, other, 0);
            }
        }

        sptes.Set(gfn, level, spte);
    }

    /// <summary>A record of a leaf's change against what the model had there and has now. The next changes start from the record.</summary>
    private void CheckLeaf(VmState vm, in Operation op)
    {
        // The record does not say in which root it was.
        SpteTables sptes = vm.Sptes[op.AsId];
        int level = (int)op.D;
        if (vm.Roots > 2 && op.AsId == 0 && !IsAt(sptes, op.A, level, op.B) && IsAt(vm.Sptes[2], op.A, level, op.B))
        {
            sptes = vm.Sptes[2];
        }

        ulong now = sptes.At(op.A, level);
        ulong zapped = sptes.TakeZapped(op.A, level, op.B, _layout.OwnBits);
        bool zap = !SpteLayout.IsPresent(op.C);
        ulong observed = zap ? op.B : op.C;
        ulong predicted = zap && zapped != 0 ? zapped : now;

        // A leaf that only this record says is gone: nothing that could have taken it away is recorded.
        bool expected = !zap || zapped != 0 || op.After == 0;
        bool done = !zap || zapped != 0 || now == 0;

        // The CPU sets accessed and dirty without a record: a bit that only the kernel's value has is its own. Of a leaf that may not be written it sets no dirty bit.
        ulong own = SpteLayout.IsWritable(observed) ? _layout.OwnBits : _layout.Accessed;
        bool matches = done && expected && ((observed ^ predicted) & ~(own & observed)) == 0;
        Checks?.Check(CheckedQuantity.LeafChange, matches, op.FaultId, op.A, observed, predicted);
        if (Checks is not null && !matches && (!zap || zapped == 0))
        {
            Adopt(sptes, op.A, level, op.C);
        }
    }

    private bool IsAt(SpteTables sptes, ulong gfn, int level, ulong recorded) =>
        sptes.HasZapped(gfn, level, recorded, _layout.OwnBits) || ((sptes.At(gfn, level) ^ recorded) & ~_layout.OwnBits) == 0;

    /// <summary>What the window must have zapped and no record shows: the kernel forgot it.</summary>
    private void CheckUnrecordedZaps(VmState vm, in Operation op)
    {
        if (Checks is not { RecordsLeaves: true })
        {
            return;
        }

        for (int asId = 0; asId < vm.Roots; asId++)
        {
            foreach (Memslot slot in vm.Slots[asId].OverlappingHva(op.A, op.B))
            {
                if (slot.TryGfns(op.A, op.B, out ulong first, out ulong last))
                {
                    if (vm.Sptes[asId].IsShadow)
                    {
                        // The event is the TDP MMU's: of shadow leaves the reverse map drops, it records nothing.
                        continue;
                    }

                    UnrecordedVisitor visitor = new() { Checks = Checks, Seq = op.Seq };
                    vm.Sptes[asId].TakeUnrecorded(first, last, ref visitor);
                }
            }
        }
    }

    private struct UnrecordedVisitor : ILeafVisitor
    {
        public ObservationChecks Checks;
        public long Seq;

        public readonly void Visit(ulong gfn, int level, ref ulong spte)
        {
            Checks.Check(CheckedQuantity.LeafChange, false, Seq, gfn, spte, 0);
            spte = 0;
        }
    }

    private void Age(VmState vm, ulong start, ulong end)
    {
        for (int asId = 0; asId < vm.Roots; asId++)
        {
            foreach (Memslot slot in vm.Slots[asId].OverlappingHva(start, end))
            {
                slot.TryGfns(start, end, out ulong first, out ulong last);
                Count(CostOperation.MmuLockWrite, Settings.LocklessAge ? 0 : 2);
                AgeVisitor visitor = new() { AccessedBit = _layout.Accessed, Model = this };
                vm.Sptes[asId].ForEach(first, last, ref visitor);
            }
        }

        if (!Settings.LocklessAge)
        {
            CountFlush();
        }
    }

    /// <summary>Log-dirty off (spec 4.7): up to 6.12 the tables go, 7.x puts a huge leaf with the attributes of their first leaf in their place.</summary>
    private void Collapse(SpteTables sptes, ulong gfn, int level, ulong pfn)
    {
        gfn &= ~(Levels.Pages(level) - 1);
        FirstVisitor first = new() { Below = level };
        sptes.ForEach(gfn, gfn + Levels.Pages(level), ref first);
        if (first.Spte == 0)
        {
            return;
        }

        Zap(sptes, gfn, gfn + Levels.Pages(level), RecordOfZap.OwnRecord, replaced: Settings.RebuildHugeInPlace);
        Count(CostOperation.TlbFlush);
        if (Settings.RebuildHugeInPlace)
        {
            Count(CostOperation.SpteCas);
            sptes.Set(gfn, level, SpteLayout.WithPfn(first.Spte, pfn) | SpteLayout.LargeBit);
        }
    }

    /// <param name="sptes">The root's leaves.</param>
    /// <param name="from">First gfn.</param>
    /// <param name="end">Behind the last gfn.</param>
    /// <param name="record">Whether the timeline will show each of these zaps once more, as a record of the leaf's own.</param>
    /// <param name="replaced">The table that holds them goes as a whole: nothing is written into them.</param>
    private protected void Zap(SpteTables sptes, ulong from, ulong end, RecordOfZap record, bool replaced = false, bool leavesMmio = false)
    {
        ZapVisitor visitor = new() { Replaced = replaced, LeavesMmio = leavesMmio, Layout = _layout, Pages = Pages, IsShadow = sptes.IsShadow, Zapped = record == RecordOfZap.None ? null : sptes, WithRoot = record == RecordOfZap.WithRoot, Checks = this };
        sptes.ForEach(from, end, ref visitor);
    }

    /// <summary>The record of the leaf's own that follows a zap.</summary>
    private protected enum RecordOfZap : byte
    {
        None,

        /// <summary>Soon, within the window or call.</summary>
        OwnRecord,

        /// <summary>When the root is freed, which may be late.</summary>
        WithRoot,
    }

    private struct ZapVisitor : ILeafVisitor
    {
        public bool WithRoot;
        public SpteLayout Layout;
        public PageLedger Pages;
        public bool IsShadow;
        public SpteTables? Zapped;
        public bool Replaced;

        // A window takes present leaves only (spec 4.1): MMIO SPTEs stay until their root goes.
        public bool LeavesMmio;
        public FaultModel<TRules, TCounting> Checks;

        public readonly void Visit(ulong gfn, int level, ref ulong spte)
        {
            if (SpteLayout.IsPresent(spte))
            {
                Zapped?.RememberZapped(gfn, level, spte, WithRoot);
                PageMarks marks = TRules.BitsLost(Pages, spte, IsShadow, (spte & Layout.Accessed) != 0, (spte & Layout.Dirty) != 0);
                if (!Replaced)
                {
                    Checks.CountZap(marks);
                }

                Checks.CheckZapped(gfn, level, spte, IsShadow);
            }
            else if (LeavesMmio)
            {
                return;
            }

            spte = 0;
        }
    }

    private void WriteProtect(SpteTables sptes, ulong from, ulong end)
    {
        Count(CostOperation.MmuLockWrite, 2);
        WriteProtectVisitor visitor = new() { Model = this };
        sptes.ForEach(from, end, ref visitor);
        CountFlush();
    }

    private struct WriteProtectVisitor : ILeafVisitor
    {
        public FaultModel<TRules, TCounting> Model;

        public readonly void Visit(ulong gfn, int level, ref ulong spte)
        {
            if (SpteLayout.IsPresent(spte) && SpteLayout.IsWritable(spte))
            {
                Model.CountLeaf(CostOperation.SpteCas, PageMarks.None);
                spte &= ~SpteLayout.WriteBit;
            }
        }
    }

    private struct AgeVisitor : ILeafVisitor
    {
        public ulong AccessedBit;
        public FaultModel<TRules, TCounting> Model;

        public readonly void Visit(ulong gfn, int level, ref ulong spte)
        {
            if (SpteLayout.IsPresent(spte))
            {
                if (TCounting.IsOn && (spte & AccessedBit) != 0)
                {
                    Model.CountLeaf(Model.Settings.LocklessAge ? CostOperation.SpteCas : CostOperation.SpteClear, PageMarks.None);
                }

                spte &= ~AccessedBit;
            }
        }
    }

    /// <summary>Finds the present leaf with the lowest gfn below a level.</summary>
    private struct FirstVisitor : ILeafVisitor
    {
        public int Below;
        public ulong Spte;
        private ulong _gfn;

        public void Visit(ulong gfn, int level, ref ulong spte)
        {
            if (level < Below && SpteLayout.IsPresent(spte) && (Spte == 0 || gfn < _gfn))
            {
                Spte = spte;
                _gfn = gfn;
            }
        }
    }
}
