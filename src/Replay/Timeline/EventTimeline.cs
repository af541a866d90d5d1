using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline.Arm64;
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
    private readonly LostRecords _lost;
    private readonly PageInference? _inference;
    private readonly TaskTable _tasks = new();
    private readonly VmTracker _vms;
    private readonly WindowTracker _windows;
    private readonly MemslotTracker _memslots;
    private readonly HostTracker _host;
    private readonly BufferTracker _buffers;
    private readonly IMachineTracker _machine;

    /// <param name="inferred">What is inferred where memslots or lookups are not recorded; null where they are.</param>
    /// <param name="aborts">The same for arm64.</param>
    /// <param name="windowEnds">Takes for each window, by the seq of its kvm_unmap_hva_range, how many fault events came before its end.</param>
    public EventTimeline(IReadOnlySet<EventKind> kinds, LostRecords lost, TimelineOptions options, RecordInvariants records, InferredFacts? inferred, Dictionary<long, long>? windowEnds = null, AbortFacts? aborts = null)
    {
        _lost = lost;
        _context = new TimelineContext(kinds, options, records);
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
        _machine = options.IsArm64
            ? new Arm64Tracker(_context, _vms, _windows, _memslots, _host, aborts is null ? null : new AbortInference(_context, _memslots, aborts))
            : new X86Tracker(_context, _vms, _windows, _memslots, _host, _inference);
        _windows.OldestSnapshot = () => _machine.OldestSnapshot;
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
    public List<ObservedFault> Ended => _machine.Ended;

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
            _machine.Take(e, task);
            return;
        }

        LeaveWhatIsOver(e, task);
        _windows.FaultEvents += e.Kind is EventKind.PageFault or EventKind.SetSpte ? 1 : 0;
        // What a thread does cannot be put together where the capture does not say the thread.
        bool isFault = e.Kind is EventKind.PageFault or EventKind.GuestFault;
        told &= !isFault || e.Knows(0);
        told &= e.Pid >= 0 || e.Kind is EventKind.PageAlloc or EventKind.PageFree;
        if (told && e.TellsEnough)
        {
            Dispatch(e, task);
            return;
        }

        // Nothing is made up for an event whose text does not show what the replay needs of it.
        _context.Counts.EventsUntold++;
        if (isFault)
        {
            _machine.OnUntold(e, task);
        }
    }

    /// <summary>The capture is over: what is still open ends as far as it was seen.</summary>
    /// <param name="drain">Executes what is ready; null leaves all of it for later.</param>
    public void Complete(Action? drain = null)
    {
        _context.Drain = drain;
        _machine.Complete([.. _tasks.All]);
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

        _machine.Before(e, task);
        if (e.IsSyscall)
        {
            FollowSyscall(e, task);
        }
        else if (task.ChangesMappings && e.Kind is EventKind.PageFault or EventKind.GuestFault or EventKind.Entry or EventKind.Exit or EventKind.UserspaceExit or EventKind.SetRegion)
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

        if (task.IsInFault)
        {
            _machine.OnSyscallEdge(task, e.Seq, e.Kind == EventKind.SysExitIoctl && e.Knows(0) ? (int)e[0] : null);
        }

        task.Syscall = e.Source.SyscallEntry;
    }

    private void Dispatch(EventCursor e, TaskState task)
    {
        if (_machine.Take(e, task))
        {
            return;
        }

        switch (e.Kind)
        {
            case EventKind.NotifierStart: _windows.OnNotifierStart(e, task); break;
            case EventKind.UnmapHvaRange: _windows.OnUnmapHvaRange(e, task); break;
            case EventKind.InvalidateBegin: _windows.OnInvalidateBegin(task); break;
            case EventKind.NotifierStartRet: _windows.OnNotifierStartReturn(e, task); break;
            case EventKind.NotifierEnd: _windows.OnNotifierEnd(e, task); break;
            case EventKind.InvalidateEnd: _windows.OnInvalidateEnd(e, task); break;

            case EventKind.SetRegion: _memslots.OnSetRegion(e, task); break;
            case EventKind.SetRegionRet: _memslots.OnSetRegionReturn(e, task); break;

            case EventKind.PageAlloc: _buffers.OnPageAlloc(e); break;
            case EventKind.PageFree: _buffers.OnPageFree(e); break;
            case EventKind.TtmMove: BufferTracker.OnMove(e, task); break;
            case EventKind.TtmMoveRet: _buffers.OnMoveReturn(e, task); break;

            case EventKind.SysEnterIoctl: task.CreatesVm = e.Knows(0) && e[0] == CreateVm; break;
            case EventKind.SysEnterMmap: _host.OnMmap(e, task); break;
            case EventKind.SysExitMmap: _host.OnMmapReturn(e, task); break;
            case EventKind.SysEnterMunmap: _host.OnMunmap(e, task); break;
            case EventKind.SysEnterMprotect: _host.OnMprotect(e, task); break;
            case EventKind.SysEnterFtruncate: _host.OnFtruncate(e, task); break;
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
