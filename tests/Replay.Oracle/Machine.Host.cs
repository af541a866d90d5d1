using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <content>What others do: spec 4.1 and 4.7.</content>
public sealed partial class Machine
{
    private const ulong GfpComp = 1UL << 18;

    private void HostEvent(Vm vm, Operation op)
    {
        switch (op.Kind)
        {
            case OperationKind.SlotPut:
                PutSlot(vm, new Slot(op.AsId, (int)(op.D >> 32), op.A, op.B, op.C, (MemslotFlags)(uint)op.D));
                break;
            case OperationKind.SlotInvalidate:
                InvalidateSlot(vm, op.AsId, (int)(op.D >> 32), zapsRoots: op.C == 0);
                break;
            case OperationKind.SlotRemove:
                vm.Slots.RemoveAll(slot => slot.AsId == op.AsId && slot.Id == (int)(op.D >> 32));
                vm.MemslotGeneration++;
                break;
            case OperationKind.WindowBegin:
                WindowBegins(vm, op.A, op.B);
                break;
            case OperationKind.WindowEnd:
                WindowEnds(vm, op.A, op.B);
                break;
            case OperationKind.PteKnown:
                vm.Memory.Know(op.A, HostLeaf.FromRaw(op.B));
                break;
            case OperationKind.VmaMap:
                vm.Memory.Map(new Mapping(op.A, op.B, (VmaFlags)op.C, PageKind.Unknown, op.D));
                break;
            case OperationKind.VmaMapKind:
                vm.Memory.Map(new Mapping(op.A, op.B, (VmaFlags)op.C, (PageKind)op.D, 0));
                break;
            case OperationKind.VmaUnmap:
                vm.Memory.Unmap(op.A, op.B);
                break;
            case OperationKind.VmaProtect:
                vm.Memory.Protect(op.A, op.B, (VmaFlags)op.C);
                break;
            case OperationKind.PageAlloc:
                Pages.Allocate(op.A, (int)op.B, (op.C & GfpComp) != 0);
                break;
            case OperationKind.PageFree:
                Pages.Free(op.A, (int)op.B);
                break;
            case OperationKind.BoPlace:
                Pages.Place(op.A, op.B);
                break;
            case OperationKind.ZapRange:
                ZapRange(vm, op.AsId, op.A, op.B);
                break;
            case OperationKind.WriteProtectRange:
                vm.Overlapping(op.AsId, op.A, op.B).ForEach(key => vm.Leaves[key].Writable = false);
                break;
            case OperationKind.ZapAll:
                ZapAll(vm);
                break;
            case OperationKind.WindowOpening or OperationKind.WindowEnding:
                // Places only.
                break;
            default:
                LeafEvent(vm, op);
                break;
        }
    }

    private static void PutSlot(Vm vm, Slot slot)
    {
        vm.Slots.RemoveAll(other => other.AsId == slot.AsId && other.Id == slot.Id);
        vm.Slots.Add(slot);
        vm.MemslotGeneration++;
    }

    private void InvalidateSlot(Vm vm, int asId, int id, bool zapsRoots)
    {
        int index = vm.Slots.FindIndex(slot => slot.AsId == asId && slot.Id == id);
        if (index >= 0)
        {
            vm.Slots[index] = vm.Slots[index] with { Flags = vm.Slots[index].Flags | MemslotFlags.Invalid };
        }

        if (zapsRoots && Kernel.Arm64)
        {
            // kvm_arch_flush_shadow_memslot: the memslot's own range.
            if (index >= 0)
            {
                ZapRange(vm, asId, vm.Slots[index].BaseGfn, vm.Slots[index].BaseGfn + vm.Slots[index].Npages);
            }
        }
        else if (zapsRoots)
        {
            ZapAll(vm);
        }
    }

    private void ZapRange(Vm vm, int asId, ulong from, ulong end) => vm.Overlapping(asId, from, end).ForEach(key => Zap(vm, key));

    private void ZapAll(Vm vm)
    {
        foreach ((int AsId, int Level, ulong Block) key in vm.Leaves.Keys.ToList())
        {
            Zap(vm, key);
            vm.RecordsToCome.Add(key);
        }

        vm.Mmio.Clear();
        vm.RootGeneration++;
    }

    private void Zap(Vm vm, (int AsId, int Level, ulong Block) key)
    {
        Spte spte = vm.Leaves[key];
        BitsLost(spte, spte.Accessed, spte.Dirty);
        vm.Leaves.Remove(key);
    }

    private void WindowBegins(Vm vm, ulong start, ulong end)
    {
        bool found = false;
        foreach (Slot slot in vm.Slots)
        {
            if (slot.Gfns(start, end) is not { } gfns)
            {
                continue;
            }

            if (!found)
            {
                found = true;
                vm.Invalidation.Start();
            }

            if (Kernel.RangeUnitIsHva)
            {
                vm.Invalidation.Add(start, end);
            }
            else
            {
                vm.Invalidation.Add(gfns.First, gfns.End);
            }

            foreach ((int AsId, int Level, ulong Block) key in vm.Overlapping(slot.AsId, gfns.First, gfns.End))
            {
                Zap(vm, key);
                vm.RecordsToCome.Add(key);
            }
        }

        vm.Memory.Invalidate(start, end);
    }

    private static void WindowEnds(Vm vm, ulong start, ulong end)
    {
        if (vm.Slots.Exists(slot => slot.Gfns(start, end) is not null))
        {
            vm.Invalidation.End();
        }
    }

    private void LeafEvent(Vm vm, Operation op)
    {
        if (op.Kind == OperationKind.Age)
        {
            foreach (Slot slot in vm.Slots)
            {
                if (slot.Gfns(op.A, op.B) is { } gfns)
                {
                    vm.Overlapping(slot.AsId, gfns.First, gfns.End).ForEach(key => vm.Leaves[key].Accessed = false);
                }
            }

            return;
        }

        if (op.Kind == OperationKind.CollapseHuge)
        {
            Collapse(vm, op.AsId, op.A, (int)op.B, op.C);
            return;
        }

        // The record of a leaf that is gone already says nothing about the one that may have come since.
        if (op.Kind == OperationKind.ZapLeaf && vm.RecordsToCome.Remove(Oracle.Vm.Key(op.AsId, (int)op.B, op.A)))
        {
            return;
        }

        if (vm.LeafOf(op.AsId, op.A) is not { } leaf)
        {
            return;
        }

        switch (op.Kind)
        {
            case OperationKind.WriteProtect:
                leaf.Writable = false;
                break;
            case OperationKind.ClearDirty:
                BitsLost(leaf, accessed: false, leaf.Dirty);
                leaf.Dirty = false;
                break;
            case OperationKind.ZapLeaf:
                Zap(vm, Oracle.Vm.Key(op.AsId, leaf.Level, op.A));
                break;
            case OperationKind.SplitHuge when leaf.Level > 1:
                Split(vm, op.AsId, op.A, leaf);
                break;
        }
    }

    /// <summary>Log-dirty off: up to 6.12 the tables are zapped, 7.x puts a huge leaf in their place.</summary>
    private void Collapse(Vm vm, int asId, ulong gfn, int level, ulong pfn)
    {
        ulong pages = Level.Pages(level);
        gfn = gfn / pages * pages;
        List<(int AsId, int Level, ulong Block)> below = [.. vm.Overlapping(asId, gfn, gfn + pages).Where(key => key.Level < level)];
        if (below.Count == 0)
        {
            return;
        }

        Spte first = vm.Leaves[below.MinBy(key => key.Block * Level.Pages(key.Level))];
        foreach ((int AsId, int Level, ulong Block) key in below)
        {
            Zap(vm, key);
            vm.RecordsToCome.Add(key);
        }

        // The table goes, and with it what else hung off it.
        foreach ((int AsId, ulong Gfn) key in vm.Mmio.Keys.Where(key => key.AsId == asId && key.Gfn >= gfn && key.Gfn < gfn + pages).ToList())
        {
            vm.Mmio.Remove(key);
        }

        if (Kernel.RebuildsHugeInPlace)
        {
            vm.Leaves.Add(Oracle.Vm.Key(asId, level, gfn), first.For(pfn, level));
        }
    }
}
