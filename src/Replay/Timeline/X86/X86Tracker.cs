using TraceReplay.Replay.Timeline.Host;
using TraceReplay.Replay.Timeline.Inference;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>x86's records: page faults, and the entries of the TDP MMU.</summary>
internal sealed class X86Tracker : IMachineTracker
{
    private readonly TimelineContext _context;
    private readonly FaultTracker _faults;
    private readonly FollowedLeaves _followed;
    private readonly GuestTables _guestTables;
    private readonly SpteTracker _sptes;
    private readonly bool _entriesKnown;

    public X86Tracker(TimelineContext context, VmTracker vms, WindowTracker windows, MemslotTracker memslots, HostTracker host, PageInference? inference)
    {
        _context = context;
        _entriesKnown = context.Kinds.Contains(EventKind.Entry);
        _guestTables = new GuestTables(context, vms);
        _followed = new FollowedLeaves(context);
        _faults = new FaultTracker(context, vms, windows, memslots, host, _guestTables, inference);
        _sptes = new SpteTracker(context, vms, windows, memslots, _faults)
        {
            Forgot = inference is null ? null : PageInference.Forget,
        };
    }

    public List<ObservedFault> Ended => _faults.Ended;

    public long OldestSnapshot => _faults.OldestSnapshot;

    public void Before(EventCursor e, TaskState task)
    {
        if (e.Kind != EventKind.SpteChanged)
        {
            _sptes.Settle(task);
            if (e.Kind is not (EventKind.PageFree or EventKind.PageAlloc))
            {
                _sptes.Explain(task, isEnd: false);
            }

            task.RemovedTable = null;
        }

        if (!_entriesKnown && e.Kind != EventKind.PageFault && task.Vm is { } vm)
        {
            // Whatever the task does before a fault, it enters the guest after it.
            task.RootsAtEntry = vm.Roots;
        }
    }

    public void OnUntold(EventCursor e, TaskState task) => _faults.OnUntold(e, task);

    public void OnSyscallEdge(TaskState task, long seq, int? result) => _faults.OnSyscallEdge(task, seq, result);

    public void Complete(IReadOnlyCollection<TaskState> tasks)
    {
        foreach (TaskState task in tasks.OrderBy(task => task.Pid))
        {
            _sptes.Settle(task);
            _sptes.Explain(task, isEnd: true);
        }

        _faults.Complete(tasks);
    }

    public bool Take(EventCursor e, TaskState task)
    {
        switch (e.Kind)
        {
            case EventKind.PageFault: _faults.OnPageFault(e, task); break;
            case EventKind.FastPageFault: _faults.OnFastPageFault(e, task); break;
            case EventKind.Entry: _faults.OnEntry(e, task); break;
            case EventKind.Exit:
                _faults.OnExit(e, task);
                task.LeftGuest = GuestAddresses.OfExit(e, _context.Options.Intel);
                break;
            case EventKind.CheckMmioSpte: _faults.OnCheckMmioSpte(e, task); break;
            case EventKind.UserspaceExit: _faults.OnUserspaceExit(e, task); break;
            case EventKind.SpteRequested: _faults.OnSpteRequested(e, task); break;
            case EventKind.SetSpte: _faults.OnSetSpte(e, task); break;
            case EventKind.MarkMmioSpte:
            case EventKind.HandleMmioPageFault:
            case EventKind.Mmio:
            case EventKind.EmulateInsn: _faults.OnMmio(task); break;
            case EventKind.TryAsyncGetPage: _faults.OnTryAsync(task); break;
            case EventKind.AsyncQueued: FaultTracker.OnAsyncQueued(task); break;
            case EventKind.TdpFault: _faults.OnTdpFault(e, task); break;
            case EventKind.TdpFaultRet: _faults.OnTdpFaultReturn(e, task); break;
            case EventKind.Faultin: _faults.OnFaultin(e, task); break;
            case EventKind.FaultinRet: _faults.OnFaultinReturn(e, task); break;
            case EventKind.HvaToPfn: _faults.OnHvaToPfn(e, task); break;
            case EventKind.HvaToPfnRet: _faults.OnHvaToPfnReturn(e, task); break;
            case EventKind.FollowPfn: FollowedLeaves.OnFollow(task); break;
            case EventKind.FollowPfnRet: _followed.OnReturn(e, task); break;
            case EventKind.FixupUserFaultRet: FaultTracker.OnFixupReturn(e, task); break;
            case EventKind.Release: _faults.OnRelease(e, task); break;

            case EventKind.SpteChanged: _sptes.OnSpteChanged(e, task); break;
            case EventKind.AgeHva: _sptes.OnAge(e, task); break;
            case EventKind.ZapAllFast: _sptes.OnZapAllFast(task); break;

            case EventKind.SmmTransition: task.AsId = (byte)(e[0] & 1); break;
            case EventKind.NestedEnter: GuestTables.OnEnter(e, task); break;
            case EventKind.NestedLeft: GuestTables.OnExit(task); break;
            case EventKind.NestedExit: GuestTables.OnReflected(task); break;
            case EventKind.GuestWalk: GuestTables.OnWalk(task); break;
            case EventKind.GuestWalkEntry: GuestTables.OnElement(e, task); break;
            case EventKind.ShadowPage: _guestTables.OnGetPage(e, task); break;
            default: return false;
        }

        return true;
    }
}
