using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Host;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>arm64's records: guest aborts, and the calls that change stage-2 leaves outside of them.</summary>
internal sealed class Arm64Tracker(TimelineContext context, VmTracker vms, WindowTracker windows, MemslotTracker memslots, HostTracker host, AbortInference? inference) : IMachineTracker
{
    // PTE_RDONLY and the output address of a 4 KiB page descriptor.
    private const ulong PteReadOnly = 1UL << 7;
    private const ulong PteAddress = ((1UL << 48) - 1) & ~0xfffUL;

    private readonly AbortTracker _aborts = new(context, vms, memslots, host, inference);

    public List<ObservedFault> Ended => _aborts.Ended;

    public long OldestSnapshot => _aborts.OldestSnapshot;

    public void Before(EventCursor e, TaskState task)
    {
    }

    public void OnUntold(EventCursor e, TaskState task) => _aborts.OnUntold(e, task);

    public void OnSyscallEdge(TaskState task, long seq, int? result) => _aborts.OnSyscallEdge(task, seq, result);

    public void Complete(IReadOnlyCollection<TaskState> tasks) => _aborts.Complete(tasks);

    public bool Take(EventCursor e, TaskState task)
    {
        switch (e.Kind)
        {
            case EventKind.GuestAbort: _aborts.OnHandler(e, task); break;
            case EventKind.GuestAbortRet: _aborts.OnHandlerReturn(e, task); break;
            case EventKind.GuestFault: _aborts.OnGuestFault(e, task); break;
            case EventKind.GfnToPfn:
            case EventKind.UserMemAbort: _aborts.OnSlotShown(e, task); break;
            case EventKind.LookupRet: _aborts.OnLookupReturn(e, task); break;
            case EventKind.HvaToPfn: _aborts.OnHvaToPfn(e, task); break;
            case EventKind.HvaToPfnRet: _aborts.OnHvaToPfnReturn(e, task); break;
            case EventKind.FollowPfn: AbortTracker.OnFollowPfn(task); break;
            case EventKind.FollowPfnRet: _aborts.OnFollowPfnReturn(e, task); break;
            case EventKind.FixupUserFaultRet: AbortTracker.OnFixupReturn(e, task); break;
            case EventKind.MapMemoryRet: AbortTracker.OnMapMemory(e, task); break;
            case EventKind.IoMemAbort:
            case EventKind.Mmio: _aborts.OnIoAbort(task); break;
            case EventKind.MmioNoSyndrome: AbortTracker.OnNoSyndrome(task); break;
            case EventKind.InjectAbort: AbortTracker.OnInjected(task); break;
            case EventKind.S2Map:
                if (!_aborts.OnLeafStep(e, task, LeafStep.Map))
                {
                    BeginChange(e, task);
                }

                break;
            case EventKind.S2MapRet:
                if (!_aborts.OnLeafStepReturn(e, task, LeafStep.Map))
                {
                    EndChange(e, task);
                }

                break;
            case EventKind.S2Relax: _aborts.OnLeafStep(e, task, LeafStep.Relax); break;
            case EventKind.S2RelaxRet: _aborts.OnLeafStepReturn(e, task, LeafStep.Relax); break;
            case EventKind.S2MakeYoung:
            case EventKind.AccessFault: _aborts.OnLeafStep(e, task, LeafStep.Young); break;
            case EventKind.Release: AbortTracker.OnRelease(e, task); break;
            case EventKind.Entry: _aborts.OnEntry(e, task); break;
            case EventKind.Exit: _aborts.OnExit(e, task); break;
            case EventKind.UserspaceExit: _aborts.OnUserspaceExit(e, task); break;

            case EventKind.UnmapHvaRange:
                task.Abort?.OwnWindow |= !task.Abort.Returned;
                return false;
            case EventKind.S2Unmap: OnUnmap(e, task); break;
            case EventKind.S2WriteProtect: context.Emit(OperationKind.WriteProtectRange, vms.Of(task), e[0] >> 12, (e[0] + e[1]) >> 12); break;
            case EventKind.AgeHva: context.Emit(OperationKind.Age, vms.OfNotifier(task, 0, e[0], e[1]), e[0], e[1]); break;
            case EventKind.ChangePte: task.ChangedPte = (e[0], e[1]); break;
            case EventKind.SetSpteHva: OnSetSpteHva(e, task); break;
            default: return false;
        }

        return true;
    }

    /// <summary>Inside a window it is the zap; outside, a memslot goes or the VM's memory is unmapped for the reset of a vCPU.</summary>
    private void OnUnmap(EventCursor e, TaskState task)
    {
        if (task.Windows is [.., { } window])
        {
            windows.OnZap(window);
        }
        else
        {
            context.Emit(OperationKind.ZapRange, vms.Of(task), e[0] >> 12, (e[0] + e[1] + 0xfff) >> 12);
        }
    }

    /// <summary>.change_pte found a memslot: the page that is to be mapped read-only stands in the probe on the notifier, or in the call that maps it.</summary>
    private void OnSetSpteHva(EventCursor e, TaskState task)
    {
        ulong hva = e[0];
        ulong? pfn = task.ChangedPte is { } change && change.Hva >> 12 == hva >> 12 ? (change.Pte & PteAddress) >> 12 : null;
        bool writable = task.ChangedPte is { } known && (known.Pte & PteReadOnly) == 0;
        task.ChangedPte = null;
        if (context.Kinds.Contains(EventKind.S2Map))
        {
            task.PteChange = new PteChange(hva, pfn, writable);
            return;
        }

        context.Emit(OperationKind.ChangePte, vms.OfNotifier(task, 0, hva, hva + 1), hva, HostPte.Make(pfn ?? SpecialPfn.MadeUp(hva >> 12), writable, special: false).Raw);
    }

    private static void BeginChange(EventCursor e, TaskState task)
    {
        if (task.PteChange is { } change)
        {
            task.PteChange = change with { Pfn = e[2] >> 12 };
        }
    }

    private void EndChange(EventCursor e, TaskState task)
    {
        if (task.PteChange is not { Pfn: { } pfn } change)
        {
            return;
        }

        task.PteChange = null;
        if (!e.Knows(0) || (int)e[0] == 0)
        {
            context.Emit(OperationKind.ChangePte, vms.OfNotifier(task, 0, change.Hva, change.Hva + 1), change.Hva, HostPte.Make(pfn, change.Writable, special: false).Raw, e.Knows(0) ? 1UL : 0);
        }
    }
}

/// <summary>A .change_pte call that is under way.</summary>
/// <param name="Hva">Its address.</param>
/// <param name="Pfn">The page that comes there; null if nothing has shown it yet.</param>
/// <param name="Writable">Whether the host maps it writable.</param>
internal readonly record struct PteChange(ulong Hva, ulong? Pfn, bool Writable);
