using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;

namespace TraceReplay.Replay.Timeline;

/// <content>SPTE changes made by others than a fault (spec 4.7).</content>
internal sealed partial class TimelineBuilder
{
    private void OnAge(EventCursor e, ThreadState thread) =>
        Emit(OperationKind.Age, VmOfNotifier(thread, e[0], e[1]), e[0], e[1]);

    private void OnZapAllFast(ThreadState thread)
    {
        // The region call that deletes a slot has told the models already.
        if (thread.Region is null)
        {
            Emit(OperationKind.ZapAll, VmOf(thread));
        }
    }

    /// <summary>
    /// A fault's own SPTEs and a window's zaps are the models' business. What is left was done to the SPTE by an ioctl or a
    /// kernel thread that the trace shows in no other way: it is handed to every model as it was seen.
    /// </summary>
    private void OnSpteChanged(EventCursor e, ThreadState thread)
    {
        Records.SpteChanged(VmOf(thread), (int)e[4] & 1, e[0], e[1], e[2], (int)(byte)e[3]);
        if (thread.Windows is [.., { } window])
        {
            Settle(window);
            CountZap(e, window);
            if (_inferred is null && (thread.Fault is null || thread.Fault.InLookup))
            {
                ObserveLeaf(e, window.Vm);
                return;
            }
        }

        if (thread.Fault is { Committed: false, InLookup: false } installer && (_inferred is null || SpteLayout.IsPresent(e[2])) && e[3] is >= 1 and <= 3)
        {
            MarkRaced(installer, e[0], (int)e[3]);
        }

        bool ownFault = thread.Fault is { Committed: false, InLookup: false } && (_inferred is null || SpteLayout.IsPresent(e[2]));
        if (ownFault || thread.Region is { Invalidated: true })
        {
            if (thread.Region is { Invalidated: true } region)
            {
                ObserveLeaf(e, region.Vm);
            }

            return;
        }

        ulong gfn = e[0];
        ulong old = e[1];
        ulong now = e[2];
        ulong level = e[3];
        if (level is 0 or > 3)
        {
            return;
        }

        byte asId = (byte)(e[4] & 1);
        bool oldLeaf = SpteLayout.IsPresent(old) && IsLeaf(old, level);
        bool newLeaf = SpteLayout.IsPresent(now) && IsLeaf(now, level);
        OperationKind kind;
        if (oldLeaf && newLeaf && (old & ~now) == _options.AccessedBit)
        {
            // Aging: the models were told by the notifier's own event.
            ObserveLeaf(e, VmOf(thread));
            return;
        }

        if (oldLeaf && newLeaf)
        {
            if (SpteLayout.IsWritable(old) && !SpteLayout.IsWritable(now))
            {
                kind = OperationKind.WriteProtect;
            }
            else if ((old & ~now & _options.DirtyBit) != 0)
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

        Counts.MaintenanceFromSpteEvents++;
        if (_inferred is not null && kind == OperationKind.ZapLeaf)
        {
            ForgetPage(VmOf(thread), gfn, level);
        }

        Emit(kind, VmOf(thread), gfn, level, SpteLayout.Pfn(now), asId: asId);
    }

    private static void CountZap(EventCursor e, Window window)
    {
        if (e[3] is 1 or 2 or 3 && SpteLayout.IsPresent(e[1]) && IsLeaf(e[1], e[3]) && !SpteLayout.IsPresent(e[2]))
        {
            window.Leaves++;
            window.Pages += 1L << (9 * ((int)e[3] - 1));
        }
    }

    /// <summary>A leaf that the models have changed, or will not change, by themselves: handed over to be compared.</summary>
    private void ObserveLeaf(EventCursor e, VmTrack vm)
    {
        if (e[3] is 1 or 2 or 3 && SpteLayout.IsPresent(e[1]) && IsLeaf(e[1], e[3]) && _inferred is null)
        {
            Operations.Add(new Operation
            {
                Kind = OperationKind.LeafObserved,
                Vm = vm.Index,
                AsId = (byte)(e[4] & 1),
                Open = -1,
                FaultId = e.Seq,
                A = e[0],
                B = e[1],
                C = e[2],
                D = e[3],
            });
        }
    }

    private static bool IsLeaf(ulong spte, ulong level) => level == 1 || (spte & SpteLayout.LargeBit) != 0;

    private struct ForgetVisitor : State.IEntryVisitor
    {
        public readonly void Visit(ulong index, ref ulong entry) => entry = 0;
    }
}
