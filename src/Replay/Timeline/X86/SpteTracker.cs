using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>
/// Records of the TDP MMU's entries (spec 4.4, 4.7). A fault's own and a window's zaps are the models' business: they are handed over to be
/// compared. What is left was done by an ioctl or a kernel thread that the trace shows in no other way: it is handed to every model as it
/// was seen.
/// </summary>
internal sealed class SpteTracker(TimelineContext context, VmTracker vms, WindowTracker windows, MemslotTracker memslots, FaultTracker faults)
{
    /// <summary>An entry whose frame no longer holds; only inference asks for it.</summary>
    public Action<VmTrack, ulong, ulong>? Forgot { get; init; }

    /// <summary>Every change of a leaf, as recorded: (VM, address space, gfn, level, new value).</summary>
    public Action<VmTrack, int, ulong, int, ulong>? Changed { get; init; }

    public void OnAge(EventCursor e, TaskState task) =>
        context.Emit(OperationKind.Age, vms.OfNotifier(task, 0, e[0], e[1]), e[0], e[1]);

    public void OnZapAllFast(TaskState task)
    {
        VmTrack vm = vms.Of(task);
        memslots.RootsGone(vm);
        vm.Roots++;
        context.Records.RootsGone(vm);
        context.Emit(OperationKind.ZapAll, vm);
    }

    public void OnSpteChanged(EventCursor e, TaskState task)
    {
        VmTrack vm = vms.Of(task);
        ulong gfn = e[0];
        ulong old = e[1];
        ulong now = e[2];
        int level = (int)(byte)e[3];
        byte asId = (byte)(e[4] & 1);
        context.Records.SpteChanged(vm, asId, gfn, old, now, level, inWindow: task.Windows.Count > 0);
        if (level is 0 or > 3)
        {
            Settle(task);
            task.RemovedTable = IsTableGone(old, now, level) ? (gfn, level) : task.RemovedTable;
            return;
        }

        faults.EntryChanged(task, vm, gfn, level);
        Changed?.Invoke(vm, asId, gfn, level, now);
        bool oldLeaf = IsPresentLeaf(old, level);
        bool newLeaf = IsPresentLeaf(now, level);
        if (task.Windows is [.., { } window])
        {
            if (oldLeaf && !SpteLayout.IsPresent(now))
            {
                windows.OnZap(window);
                window.Leaves++;
                window.Pages += 1L << (9 * (level - 1));
            }

            if (task.Fault is null || task.Fault.InLookup || task.Fault.Returned)
            {
                if (AreSlotsInferred(window.Vm))
                {
                    Zap(window.Vm, asId, gfn, old, now, level);
                }
                else
                {
                    Observe(window.Vm, asId, gfn, old, now, level, e.Seq, expected: true);
                }

                return;
            }
        }

        if (faults.TakeOwnChange(task, asId, gfn, level, old, now))
        {
            return;
        }

        if (task.Frozen.Count > 0 && SettleBelow(task, vm, gfn, level, now))
        {
            return;
        }

        task.RemovedTable = IsTableGone(old, now, level) ? (gfn, level) : IsBelowRemoved(task, gfn, level) ? task.RemovedTable : null;
        if (oldLeaf && level < 3 && now == context.Options.Frozen)
        {
            // The record of the table that held it comes next, or came before.
            task.Frozen.Add(new FrozenLeaf(e.Seq, gfn, level, old, now, asId));
            return;
        }

        Change(task, vm, asId, gfn, level, old, now, e.Seq);
    }

    /// <summary>The task does something else: what it has frozen and no table's record explains is gone.</summary>
    public void Settle(TaskState task)
    {
        if (task.Frozen.Count == 0)
        {
            return;
        }

        VmTrack vm = vms.Of(task);
        foreach (FrozenLeaf leaf in task.Frozen)
        {
            Change(task, vm, leaf.AsId, leaf.Gfn, leaf.Level, leaf.Old, leaf.Now, leaf.Seq);
        }

        task.Frozen.Clear();
    }

    /// <summary>
    /// The end of a run of leaves that the task has taken away in no window, memslot call or table. Where no leaf of the VM is left, it was its
    /// end (mm exit zaps all roots). Else a leaf that did not go with an old root went for no reason that is recorded.
    /// </summary>
    public void Explain(TaskState task, bool isEnd)
    {
        if (task.Unexplained.Count == 0)
        {
            return;
        }

        VmTrack vm = vms.Of(task);
        bool all = isEnd || context.Records.HasNoLeaf(vm);
        foreach (FrozenLeaf leaf in task.Unexplained)
        {
            Forgot?.Invoke(vm, leaf.Gfn, (ulong)leaf.Level);
            if (all)
            {
                context.Counts.MaintenanceFromSpteEvents++;
                context.Emit(OperationKind.ZapLeaf, vm, leaf.Gfn, (ulong)leaf.Level, leaf.Old, asId: leaf.AsId);
            }
            else
            {
                Observe(vm, leaf.AsId, leaf.Gfn, leaf.Old, leaf.Now, leaf.Level, leaf.Seq, expected: false);
                context.Emit(OperationKind.ZapLeaf, vm, leaf.Gfn, (ulong)leaf.Level, leaf.Old, asId: leaf.AsId);
            }

            context.Drain?.Invoke();
        }

        task.Unexplained.Clear();
    }

    /// <summary>The record of the entry above what the task froze: 7.x rebuilds huge leaves in place and records the children first (spec 4.7).</summary>
    private bool SettleBelow(TaskState task, VmTrack vm, ulong gfn, int level, ulong now)
    {
        ulong block = gfn & ~(Levels.Pages(level) - 1);
        if (!IsPresentLeaf(now, level) || task.Frozen.Exists(leaf => leaf.Level >= level || (leaf.Gfn & ~(Levels.Pages(level) - 1)) != block))
        {
            if (level > task.Frozen[^1].Level || now != context.Options.Frozen)
            {
                Settle(task);
            }

            return false;
        }

        byte asId = task.Frozen[0].AsId;
        context.Counts.MaintenanceFromSpteEvents++;
        context.Emit(OperationKind.CollapseHuge, vm, block, (ulong)level, SpteLayout.Pfn(now), asId: asId);
        foreach (FrozenLeaf leaf in task.Frozen)
        {
            Observe(vm, leaf.AsId, leaf.Gfn, leaf.Old, leaf.Now, leaf.Level, leaf.Seq, expected: true);
        }

        task.Frozen.Clear();
        ObserveValue(vm, asId, block, 0, now, level, context.Seq, expected: true);
        return true;
    }

    private void Change(TaskState task, VmTrack vm, byte asId, ulong gfn, int level, ulong old, ulong now, long seq)
    {
        bool oldLeaf = IsPresentLeaf(old, level);
        bool newLeaf = IsPresentLeaf(now, level);

        // A table that is removed takes its leaves along; a memslot call may zap what it wants; and what cannot be known is not held against anybody.
        bool expected = task.Region is not null || IsBelowRemoved(task, gfn, level) || !context.Kinds.Contains(EventKind.UnmapHvaRange) || !context.Kinds.Contains(EventKind.SetRegion);
        if (task.Region is { Invalidates: true } region)
        {
            if (oldLeaf)
            {
                if (!context.Kinds.Contains(EventKind.ZapAllFast) || region.Vm.Roots == 0)
                {
                    context.Emit(OperationKind.ZapLeaf, region.Vm, gfn, (ulong)level, old, asId: asId);
                }

                Observe(region.Vm, asId, gfn, old, now, level, seq, expected: true);
            }

            return;
        }

        if (oldLeaf && !SpteLayout.IsPresent(now) && !expected)
        {
            task.Unexplained.Add(new FrozenLeaf(seq, gfn, level, old, now, asId));
            return;
        }

        OperationKind kind;
        if (oldLeaf && newLeaf && (old & ~now) == context.Options.AccessedBit)
        {
            // Aging: the models were told by the notifier's own event.
            Observe(vm, asId, gfn, old, now, level, seq, expected);
            return;
        }

        if (oldLeaf && newLeaf)
        {
            if (SpteLayout.IsWritable(old) && !SpteLayout.IsWritable(now))
            {
                kind = OperationKind.WriteProtect;
            }
            else if ((old & ~now & context.Options.DirtyBit) != 0)
            {
                kind = OperationKind.ClearDirty;
            }
            else
            {
                return;
            }
        }
        else if (oldLeaf)
        {
            kind = SpteLayout.IsPresent(now) ? OperationKind.SplitHuge : OperationKind.ZapLeaf;
        }
        else if (newLeaf && SpteLayout.IsPresent(old))
        {
            kind = OperationKind.CollapseHuge;
        }
        else
        {
            return;
        }

        context.Counts.MaintenanceFromSpteEvents++;
        if (kind == OperationKind.ZapLeaf)
        {
            Forgot?.Invoke(vm, gfn, (ulong)level);
        }

        context.Emit(kind, vm, gfn, (ulong)level, kind == OperationKind.ZapLeaf ? old : SpteLayout.Pfn(now), asId: asId);
    }

    /// <summary>Where memslots are inferred a window's reach is not certain: its zaps are taken over from their records.</summary>
    private bool AreSlotsInferred(VmTrack vm) => Forgot is not null && vm.FirstSlot is null;

    private void Zap(VmTrack vm, byte asId, ulong gfn, ulong old, ulong now, int level)
    {
        if (IsPresentLeaf(old, level) && !SpteLayout.IsPresent(now))
        {
            Forgot?.Invoke(vm, gfn, (ulong)level);
            context.Emit(OperationKind.ZapLeaf, vm, gfn, (ulong)level, old, asId: asId);
        }
    }

    /// <summary>A leaf that the models have changed, or will not change, by themselves: handed over to be compared.</summary>
    private void Observe(VmTrack vm, byte asId, ulong gfn, ulong old, ulong now, int level, long seq, bool expected)
    {
        if (IsPresentLeaf(old, level) && !AreSlotsInferred(vm))
        {
            ObserveValue(vm, asId, gfn, old, now, level, seq, expected);
        }
    }

    private void ObserveValue(VmTrack vm, byte asId, ulong gfn, ulong old, ulong now, int level, long seq, bool expected)
    {
        Operation observed = context.Make(OperationKind.LeafObserved, vm, gfn, old, now, (ulong)level, asId);
        observed.FaultId = seq;
        observed.After = expected ? 0 : 1;
        context.Queue.Add(in observed);
    }

    private static bool IsTableGone(ulong old, ulong now, int level) =>
        SpteLayout.IsPresent(old) && !IsPresentLeaf(old, level) && !SpteLayout.IsPresent(now);

    private static bool IsBelowRemoved(TaskState task, ulong gfn, int level) =>
        task.RemovedTable is { } table && level < table.Level && (gfn >> (9 * Math.Min(table.Level - 1, 6))) == (table.Gfn >> (9 * Math.Min(table.Level - 1, 6)));

    private static bool IsPresentLeaf(ulong spte, int level) =>
        SpteLayout.IsPresent(spte) && level is >= 1 and <= 3 && (level == 1 || (spte & SpteLayout.LargeBit) != 0);
}
