using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline.Buffers;
using TraceReplay.Replay.Timeline.Host;
using TraceReplay.Replay.Timeline.Inference;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;
using TraceReplay.Replay.Timeline.X86;

namespace TraceReplay.Replay.Timeline;

/// <summary>
/// Turns recorded events into operations, each with the places between which it happened, and into the faults that the trace shows
/// (spec 15.1, 15.2). Gives every event to the trackers that it concerns; decides nothing: every outcome is the models' or the kernel's.
/// </summary>
internal sealed class EventTimeline
{
    private const ulong CreateVm = 0xae01;

    private readonly TimelineContext _context;
    private readonly bool _entriesKnown;
    private readonly LostRecords _lost;
    private readonly PageInference? _inference;
    private readonly TaskTable _tasks = new();
    private readonly VmTracker _vms;
    private readonly WindowTracker _windows;
    private readonly MemslotTracker _memslots;
    private readonly HostTracker _host;
    private readonly BufferTracker _buffers;
    private readonly FaultTracker _faults;
    private readonly FollowedLeaves _followed;
    private readonly GuestTables _guestTables;
    private readonly SpteTracker _sptes;

    /// <param name="inferred">What is inferred where memslots or lookups are not recorded; null where they are.</param>
    /// <param name="windowEnds">Takes for each window, by the seq of its kvm_unmap_hva_range, how many fault events came before its end.</param>
    public EventTimeline(IReadOnlySet<EventKind> kinds, LostRecords lost, TimelineOptions options, RecordInvariants records, InferredFacts? inferred, Dictionary<long, long>? windowEnds = null)
    {
        _lost = lost;
        _context = new TimelineContext(kinds, options, records);
        _entriesKnown = kinds.Contains(EventKind.Entry);
        _vms = new VmTracker(_context, _tasks);
        _host = new HostTracker(_context, _vms, infers: inferred is not null);
        _buffers = new BufferTracker(_context);
        _windows = new WindowTracker(_context, _vms)
        {
            EndsAmongFaults = windowEnds,
            Began = window => _host.Forget(window.Vm, window.Start, window.End, WindowTracker.MovesPages(window)),
            Opened = _host.OnWindow,
        };
        _memslots = new MemslotTracker(_context, _vms, _windows);
        _inference = inferred is null ? null : new PageInference(_context, _vms, _memslots, _host, _buffers, inferred);
        _guestTables = new GuestTables(_context, _vms);
        _faults = new FaultTracker(_context, _vms, _windows, _memslots, _host, _guestTables, _inference);
        _followed = new FollowedLeaves(_context);
        _windows.OldestSnapshot = () => _faults.OldestSnapshot;
        _sptes = new SpteTracker(_context, _vms, _windows, _memslots, _faults)
        {
            Forgot = inferred is null ? null : PageInference.Forget,
        };
        _vms.Attached += _host.Attach;
        _vms.Gone += _windows.CloseAll;
        if (_inference is { } inference)
        {
            _vms.Came += inference.PutSlots;
        }

        if (!kinds.Contains(EventKind.PageAlloc))
        {
            _context.EmitHost(OperationKind.NoBlockOrders, 0);
        }
    }

    /// <summary>How many operations are ready for the models.</summary>
    public int Ready => _context.Queue.Ready;

    /// <summary>Operations that were given on although their places were still open.</summary>
    public long ForcedOn => _context.Queue.ForcedOn;

    /// <summary>Operations not yet executed; <see cref="Executed"/> says that they are.</summary>
    public ReadOnlySpan<Operation> Operations => _context.Queue.Peek();

    /// <summary>Faults that have ended since the caller last cleared the list.</summary>
    public List<ObservedFault> Ended => _faults.Ended;

    /// <summary>Windows that have ended since the caller last cleared the list.</summary>
    public List<Window> EndedWindows => _windows.Ended;

    /// <summary>Moves of TTM buffers that have ended since the caller last cleared the list.</summary>
    public List<BoMove> EndedMoves => _buffers.EndedMoves;

    public TimelineCounts Counts => _context.Counts;

    public void Executed() => _context.Queue.Taken();

    public void Add(EventCursor e)
    {
        bool told = true;
        if (ExitFaults.IsExit(e))
        {
            if (ExitFaults.IsFault(e) is false)
            {
                return;
            }

            told = ExitFaults.IsFault(e) is true;
        }

        _context.Begin(e);
        while (_lost.TryTakeBefore(e.Seq, out int cpu))
        {
            _windows.CloseAtLoss(cpu);
        }

        _inference?.PutSlots(e.Seq);
        TaskState task = _tasks.Of(e.Pid);
        if (e.Kind is EventKind.GuestWalk or EventKind.GuestWalkEntry or EventKind.ShadowPage)
        {
            // Steps within whatever the task does.
            Dispatch(e, task);
            return;
        }

        LeaveWhatIsOver(e, task);
        _windows.FaultEvents += e.Kind is EventKind.PageFault or EventKind.SetSpte ? 1 : 0;
        if (!_entriesKnown && e.Kind != EventKind.PageFault && task.Vm is { } vm)
        {
            // Whatever the task does before a fault, it enters the guest after it.
            task.RootsAtEntry = vm.Roots;
        }

        // What a thread does cannot be put together where the capture does not say the thread.
        told &= e.Kind != EventKind.PageFault || e.Knows(0);
        told &= e.Pid >= 0 || e.Kind is EventKind.PageAlloc or EventKind.PageFree;
        if (told && e.TellsEnough)
        {
            Dispatch(e, task);
            return;
        }

        // Nothing is made up for an event whose text does not show what the replay needs of it.
        _context.Counts.EventsUntold++;
        if (e.Kind == EventKind.PageFault)
        {
            _faults.OnUntold(e, task);
        }
    }

    /// <summary>The capture is over: what is still open ends as far as it was seen.</summary>
    public void Complete()
    {
        foreach (TaskState task in _tasks.All.OrderBy(task => task.Pid))
        {
            _sptes.Settle(task);
            _sptes.Explain(task, isEnd: true);
        }

        _faults.Complete(_tasks.All);
        _windows.Complete();
        _context.Queue.ReleaseAll();
    }

    private void LeaveWhatIsOver(EventCursor e, TaskState task)
    {
        if (task.Ending is not null && e.Kind != EventKind.InvalidateEnd)
        {
            _windows.EndLeft(task);
        }

        if (task.Windows.Count > 0)
        {
            _windows.CloseLeft(e.Kind, task);
        }

        if (e.Kind != EventKind.SpteChanged)
        {
            _sptes.Settle(task);
            if (e.Kind is not (EventKind.PageFree or EventKind.PageAlloc))
            {
                _sptes.Explain(task, isEnd: false);
            }

            task.RemovedTable = null;
        }

        if (e.Source.IsSyscall)
        {
            FollowSyscall(e, task);
        }
        else if (task.ChangesMappings && e.Kind is EventKind.PageFault or EventKind.Entry or EventKind.Exit or EventKind.UserspaceExit or EventKind.SetRegion)
        {
            // The end of its system call is not recorded.
            _host.OnSyscallEdge(task);
        }
    }

    private void FollowSyscall(EventCursor e, TaskState task)
    {
        _host.OnSyscallEdge(task);
        bool enters = e.Source.SyscallEntry is not null;
        bool isIoctl = e.Kind is EventKind.SysEnterIoctl or EventKind.SysExitIoctl;
        if (!enters && task.CreatesVm)
        {
            task.CreatesVm = false;
            if (!isIoctl || !e.Knows(0) || (long)e[0] >= 0)
            {
                _vms.Created(task);
            }
        }

        if (task.Fault is not null)
        {
            _faults.OnSyscallEdge(task, e.Seq, e.Kind == EventKind.SysExitIoctl && e.Knows(0) ? (int)e[0] : null);
        }

        task.Syscall = e.Source.SyscallEntry;
    }

    private void Dispatch(EventCursor e, TaskState task)
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

            case EventKind.NotifierStart: _windows.OnNotifierStart(e, task); break;
            case EventKind.UnmapHvaRange: _windows.OnUnmapHvaRange(e, task); break;
            case EventKind.InvalidateBegin: _windows.OnInvalidateBegin(task); break;
            case EventKind.NotifierStartRet: _windows.OnNotifierStartReturn(e, task); break;
            case EventKind.NotifierEnd: _windows.OnNotifierEnd(e, task); break;
            case EventKind.InvalidateEnd: _windows.OnInvalidateEnd(e, task); break;

            case EventKind.SpteChanged: _sptes.OnSpteChanged(e, task); break;
            case EventKind.AgeHva: _sptes.OnAge(e, task); break;
            case EventKind.ZapAllFast: _sptes.OnZapAllFast(task); break;

            case EventKind.SetRegion: _memslots.OnSetRegion(e, task); break;
            case EventKind.SetRegionRet: _memslots.OnSetRegionReturn(e, task); break;
            case EventKind.SmmTransition: task.AsId = (byte)(e[0] & 1); break;
            case EventKind.NestedEnter: GuestTables.OnEnter(e, task); break;
            case EventKind.NestedLeft: GuestTables.OnExit(task); break;
            case EventKind.NestedExit: GuestTables.OnReflected(task); break;
            case EventKind.GuestWalk: GuestTables.OnWalk(task); break;
            case EventKind.GuestWalkEntry: GuestTables.OnElement(e, task); break;
            case EventKind.ShadowPage: _guestTables.OnGetPage(e, task); break;

            case EventKind.PageAlloc: _buffers.OnPageAlloc(e); break;
            case EventKind.PageFree: _buffers.OnPageFree(e); break;
            case EventKind.TtmMove: BufferTracker.OnMove(e, task); break;
            case EventKind.TtmMoveRet: _buffers.OnMoveReturn(e, task); break;

            case EventKind.SysEnterIoctl: task.CreatesVm = e.Knows(0) && e[0] == CreateVm; break;
            case EventKind.SysEnterMmap: _host.OnMmap(e, task); break;
            case EventKind.SysExitMmap: _host.OnMmapReturn(e, task); break;
            case EventKind.SysEnterMunmap: _host.OnMunmap(e, task); break;
            case EventKind.SysEnterMprotect: _host.OnMprotect(e, task); break;
            case EventKind.SysEnterMremap: _host.OnMremap(e, task); break;
            case EventKind.SysExitMremap: _host.OnMremapReturn(e, task); break;
            case EventKind.InsertPfn: _host.OnInsertPfn(e, task); break;
            case EventKind.InsertPfnRet: _host.OnInsertPfnReturn(e, task); break;
            case EventKind.RemapPfn: _host.OnRemapPfn(e, task); break;
            case EventKind.TtmFault: _host.OnTtmFault(e, task); break;
            case EventKind.TtmFaultRet: task.TtmBo = 0; break;
        }
    }
}
