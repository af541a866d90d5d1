using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <content>arm64: kvm_handle_guest_abort and user_mem_abort (spec 7), in the order of their steps.</content>
public sealed partial class Machine
{
    private void BeginAbort(Vm vm, Fault fault)
    {
        Slot? slot = vm.SlotOf(fault.AsId, fault.Gfn);
        if (slot is null || slot.Invalid)
        {
            NoMemory(fault, PageKind.NoSlot, FaultPath.NoSlot, noSlot: true);
            return;
        }

        fault.Slot = slot;
        if (slot.ReadOnly && fault.Write)
        {
            NoMemory(fault, PageKind.Unknown, FaultPath.None, noSlot: false);
            return;
        }

        if (fault.Access.HasFlag(FaultAccess.AccessFlag))
        {
            SetAccessFlag(vm, fault);
            return;
        }

        fault.SeqSnapshot = vm.Invalidation.Seq;
    }

    private static void NoMemory(Fault fault, PageKind kind, FaultPath path, bool noSlot)
    {
        fault.Kind = kind;
        fault.Path = path;
        fault.LookedUp = true;
        bool fetch = fault.Access.HasFlag(FaultAccess.Exec) || fault.Access.HasFlag(FaultAccess.TableWalk);
        bool skipped = noSlot && fault.Access.HasFlag(FaultAccess.CacheMaintenance);
        bool unknown = fault.Access.HasFlag(FaultAccess.NoSyndrome);
        fault.End(fetch ? FaultOutcome.Abort : skipped ? FaultOutcome.Emulate : unknown ? FaultOutcome.Enosys : FaultOutcome.Emulate);
    }

    private void SetAccessFlag(Vm vm, Fault fault)
    {
        fault.Path = FaultPath.AccessFlag;
        fault.LookedUp = true;
        if (vm.LeafOf(fault.AsId, fault.Gfn) is not { } leaf)
        {
            fault.Level = Math.Max(1, fault.MetLevel);
            fault.Pfn = FrameNotShown | fault.Gfn;
            fault.End(FaultOutcome.Fixed);
            return;
        }

        leaf.Accessed = true;
        fault.EndWith(FaultOutcome.Fixed, leaf);
        if (Kernel.Series != Series.Merged && Pages.HasRefcountedPage(fault.Pfn))
        {
            MarkAccessed(fault, fault.Pfn, Pages.Head(fault.Pfn));
        }
    }

    private static bool IsDevice(Fault fault) => fault.Kind is PageKind.P0 or PageKind.P5 or PageKind.P8 or PageKind.H;

    /// <summary>Behind the lookup.</summary>
    private void BeforeLock(Fault fault)
    {
        if (fault.Ended)
        {
            return;
        }

        if (Kernel.RefusesCacheablePfnmap && fault.Path == FaultPath.Remapped && !IsDevice(fault))
        {
            // The memslot would not be there.
            NoMemory(fault, PageKind.NoSlot, FaultPath.NoSlot, noSlot: true);
        }
        else if (fault.Access.HasFlag(FaultAccess.Exec) && IsDevice(fault))
        {
            if (fault.HeldHead is { } head && !Kernel.LeaksOnEarlyExit)
            {
                Put(fault, head);
            }

            fault.HeldHead = null;
            fault.End(FaultOutcome.Abort);
        }
    }

    private void FinishAbort(Vm vm, Fault fault)
    {
        if (fault.Ended)
        {
            return;
        }

        // The check knows no range.
        if (vm.Invalidation.InProgress > 0)
        {
            fault.Retry(RetryCause.WindowOpen);
        }
        else if (vm.Invalidation.Seq != fault.SeqSnapshot)
        {
            fault.Retry(RetryCause.SeqMoved);
        }
        else
        {
            MapStage2(vm, fault.Slot!, fault);
        }

        ReleaseAbort(fault);
    }

    private void ReleaseAbort(Fault fault)
    {
        bool mapped = fault.Outcome == FaultOutcome.Fixed;
        bool mayMark = Kernel.Series != Series.Merged || mapped;
        if (mapped && fault.Writable && Kernel.Series != Series.Merged && Pages.HasRefcountedPage(fault.LookupPfn))
        {
            MarkDirty(fault, fault.ReleasePfn, HeadOf(fault, fault.ReleasePfn));
        }

        if (fault.HeldHead is not { } held)
        {
            return;
        }

        if (mayMark)
        {
            MarkAccessed(fault, fault.ReleasePfn, held);
        }

        if (mapped && fault.Writable && Kernel.Series == Series.Merged)
        {
            MarkDirty(fault, fault.ReleasePfn, held);
        }

        Put(fault, held);
        fault.HeldHead = null;
    }

    private ulong HeadOf(Fault fault, ulong pfn) => fault.HeldHead ?? Pages.Head(pfn);

    private void MapStage2(Vm vm, Slot slot, Fault fault)
    {
        bool logging = slot.LogDirty && !slot.ReadOnly;
        int goal = BlockLevel(vm, slot, fault, logging);
        MoveReference(fault, goal);
        ulong pages = Level.Pages(goal);
        Spte leaf = new()
        {
            Pfn = fault.LookupPfn / pages * pages,
            Level = goal,
            Writable = fault.MapWritable && (!logging || fault.Write),
            Executable = fault.Access.HasFlag(FaultAccess.Exec),
            Device = IsDevice(fault),
            Accessed = true,
        };
        Spte? old = vm.LeafOf(fault.AsId, fault.Gfn);
        if (fault.MetLevel == goal && (old is null || old.Level == goal))
        {
            if (old is null && Kernel.RelaxNeedsLeaf && vm.SeenBlocks.Contains(fault.Gfn / 512))
            {
                fault.Retry(RetryCause.LeafGone);
                return;
            }

            if (old is null)
            {
                vm.Leaves.Add(Oracle.Vm.Key(fault.AsId, goal, fault.Gfn), leaf);
            }
            else
            {
                old.Writable |= leaf.Writable;
                old.Executable |= leaf.Executable;
            }
        }
        else if (old is not null && old.Level == goal && old.Pfn == leaf.Pfn && old.Device == leaf.Device)
        {
            fault.Retry(RetryCause.LeafThere);
            return;
        }
        else
        {
            ulong first = fault.Gfn / pages * pages;
            vm.Overlapping(fault.AsId, first, first + pages).ForEach(key => vm.Leaves.Remove(key));
            vm.Leaves.Add(Oracle.Vm.Key(fault.AsId, goal, fault.Gfn), leaf);
            vm.SeenBlocks.Add(fault.Gfn / 512);
        }

        fault.Level = goal;
        fault.Writable = leaf.Writable;
        fault.Pfn = fault.LookupPfn;
        fault.End(FaultOutcome.Fixed);
    }

    private static int BlockLevel(Vm vm, Slot slot, Fault fault, bool logging)
    {
        int level = 3;
        while (level > 1 && !slot.Allows(level, fault.Gfn))
        {
            level--;
        }

        if (logging || level == 1)
        {
            return 1;
        }

        int goal = Math.Min(level, vm.Memory.LeafAt(slot.Hva(fault.Gfn))?.Level ?? 1);
        return goal == 1 && fault.MetLevel > 1 && fault.Path != FaultPath.Remapped ? fault.MetLevel : goal;
    }

    private void MoveReference(Fault fault, int goal)
    {
        if (!Kernel.MovesReference || goal == 1 || fault.MetLevel > 1 || fault.Path == FaultPath.Remapped || fault.HeldHead is not { } head)
        {
            return;
        }

        ulong pages = Level.Pages(goal);
        Put(fault, head);
        Pages.Learn(fault.LookupPfn / pages * pages, pages, fault.Kind, pages);
        fault.HeldHead = Pages.Head(fault.LookupPfn);
        Get(fault, fault.HeldHead.Value);
        fault.ReleasePfn = fault.LookupPfn / pages * pages;
    }
}
