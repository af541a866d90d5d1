using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline.Inference;

namespace TraceReplay.Replay.Timeline;

/// <summary>
/// Turns recorded events into operations in time order, and into the faults that the trace shows (spec 15.1, 15.2).
/// Knows what was recorded, decides nothing: every outcome is the models' or the kernel's.
/// </summary>
internal sealed partial class TimelineBuilder
{
    // Tasks remembered; the idle ones are forgotten when there are more.
    private const int MaxThreads = 1 << 16;

    private readonly IReadOnlySet<EventKind> _kinds;
    // Faults behind kvm_mmu_spte_requested.
    private readonly List<OpenFault> _requested = [];
    private readonly WindowBegins _begins;
    private readonly LostRecords _lost;
    private readonly List<Window> _opening = [];
    private readonly List<(ThreadState Thread, Window Window)> _openWindows = [];

    // Not null where neither region calls nor the slots that faults found are recorded.
    private readonly InferredFacts? _inferred;
    private readonly Dictionary<long, long>? _windowEnds;
    private long _faultEvents;
    private readonly TimelineOptions _options;
    private readonly Dictionary<int, ThreadState> _threads = [];
    private readonly List<VmTrack> _vms = [];
    private readonly Dictionary<ulong, VmTrack> _vmByNotifier = [];

    // Of the event under way.
    private long _seq;
    private long _time;

    // The task of the last event: most events come in runs of one task.
    private ThreadState _thread = new(-1);

    /// <param name="inferred">What is inferred where neither memslots nor lookups are recorded; null where they are.</param>
    /// <param name="windowEnds">Takes for each window, by the seq of its kvm_unmap_hva_range, how many fault events came before its end.</param>
    public TimelineBuilder(IReadOnlySet<EventKind> kinds, WindowBegins begins, LostRecords lost, TimelineOptions options, InferredFacts? inferred, Dictionary<long, long>? windowEnds = null)
    {
        _windowEnds = windowEnds;
        _inferred = inferred;
        _lost = lost;
        _kinds = kinds;
        _begins = begins;
        _options = options;
        if (!kinds.Contains(EventKind.PageAlloc))
        {
            EmitHost(OperationKind.NoBlockOrders, 0);
        }

        for (int i = MaxOpenFaults - 1; i >= 0; i--)
        {
            _freeFaults.Push(new OpenFault { Open = i });
        }
    }

    /// <summary>Operations not yet executed; the caller takes them and clears the list.</summary>
    public List<Operation> Operations { get; } = [];

    /// <summary>Faults that have ended since the caller last cleared the list.</summary>
    public List<ObservedFault> Ended { get; } = [];

    /// <summary>Windows that have ended since the caller last cleared the list.</summary>
    public List<Window> EndedWindows { get; } = [];

    /// <summary>Moves of TTM buffers that have ended since the caller last cleared the list.</summary>
    public List<BoMove> EndedMoves { get; } = [];

    public TimelineCounts Counts { get; } = new();

    public IReadOnlyList<VmTrack> Vms => _vms;

    /// <summary>The checks of the records themselves.</summary>
    public required RecordInvariants Records { get; init; }

    public void Add(EventCursor e)
    {
        _seq = e.Seq;
        _time = e.Time;
        Records.Begin(e.Seq, e.Time, e.Cpu);
        while (_lost.TryTakeBefore(e.Seq, out int cpu))
        {
            CloseWindowsAtLoss(cpu);
        }

        if (_inferred is not null)
        {
            PutInferredSlots(e.Seq);
        }

        ThreadState thread = Thread(e.Pid);
        if (_opening.Count > 0)
        {
            if (e.Kind == EventKind.InvalidateEnd && e.Knows(2) && thread.Ending is { } ending)
            {
                PlaceBeginsByCount(ending.Vm, e[2], e.Seq);
            }

            BeginDueWindows(e.Seq);
        }

        if (thread.Ending is not null && e.Kind != EventKind.InvalidateEnd)
        {
            EndWindow(thread.Ending, WindowEnd.Probe);
            thread.Ending = null;
        }

        if (thread.Windows.Count > 0)
        {
            CloseLeftWindows(e.Kind, thread);
        }

        FollowSyscalls(e, thread);
        _faultEvents += e.Kind is EventKind.PageFault or EventKind.SetSpte ? 1 : 0;
        if (!e.TellsEnough)
        {
            OnUntold(e, thread);
            return;
        }

        switch (e.Kind)
        {
            case EventKind.PageFault: OnPageFault(e, thread); break;
            case EventKind.FastPageFault: OnFastPageFault(e, thread); break;
            case EventKind.Entry: OnEntry(e, thread); break;
            case EventKind.UserspaceExit: OnUserspaceExit(e, thread); break;
            case EventKind.SpteRequested: OnSpteRequested(e, thread); break;
            case EventKind.SetSpte: OnSetSpte(e, thread); break;
            case EventKind.MarkMmioSpte:
            case EventKind.HandleMmioPageFault:
            case EventKind.Mmio:
            case EventKind.EmulateInsn: OnMmio(e, thread); break;
            case EventKind.TryAsyncGetPage: OnTryAsync(thread); break;
            case EventKind.TdpFault: OnTdpFault(e, thread); break;
            case EventKind.TdpFaultRet: OnTdpFaultReturn(e, thread); break;
            case EventKind.Faultin: OnFaultin(e, thread); break;
            case EventKind.FaultinRet: OnFaultinReturn(e, thread); break;
            case EventKind.HvaToPfn: OnHvaToPfn(e, thread); break;
            case EventKind.HvaToPfnRet: OnHvaToPfnReturn(e, thread); break;
            case EventKind.FollowPfn: OnFollowPfn(thread); break;
            case EventKind.FollowPfnRet: OnFollowPfnReturn(e, thread); break;
            case EventKind.FixupUserFaultRet: OnFixupReturn(e, thread); break;
            case EventKind.Release: OnRelease(e, thread); break;

            case EventKind.NotifierStart: OnNotifierStart(e, thread); break;
            case EventKind.UnmapHvaRange: OnUnmapHvaRange(e, thread); break;
            case EventKind.InvalidateBegin: OnInvalidateBegin(thread); break;
            case EventKind.NotifierStartRet: OnNotifierStartReturn(e, thread); break;
            case EventKind.NotifierEnd: OnNotifierEnd(e, thread); break;
            case EventKind.InvalidateEnd: OnInvalidateEnd(e, thread); break;
            case EventKind.SpteChanged: OnSpteChanged(e, thread); break;
            case EventKind.AgeHva: OnAge(e, thread); break;
            case EventKind.ZapAllFast: OnZapAllFast(thread); break;

            case EventKind.SetRegion: OnSetRegion(e, thread); break;
            case EventKind.SetRegionRet: OnSetRegionReturn(e, thread); break;
            case EventKind.SmmTransition: thread.AsId = (byte)(e[0] & 1); break;
            case EventKind.PageAlloc: EmitHost(OperationKind.PageAlloc, e[0], e[1], e[2]); break;
            case EventKind.PageFree: EmitHost(OperationKind.PageFree, e[0], e[1]); break;
            case EventKind.SysEnterMmap: thread.Mmap = (e[0], e[1], e[2], e[3]); break;
            case EventKind.SysExitMmap: OnMmapReturn(e, thread); break;
            case EventKind.SysEnterMunmap: EmitMapping(thread, OperationKind.VmaUnmap, e[0], e[0] + e[1]); break;
            case EventKind.SysEnterMprotect: OnMprotect(e, thread); break;
            case EventKind.InsertPfn: OnInsertPfn(e, thread); break;
            case EventKind.InsertPfnRet: OnInsertPfnReturn(e, thread); break;
            case EventKind.RemapPfn: OnRemapPfn(e, thread); break;
            case EventKind.TtmFault: OnTtmFault(e, thread); break;
            case EventKind.TtmFaultRet: thread.TtmBo = 0; break;
            case EventKind.TtmMove: OnTtmMove(e, thread); break;
            case EventKind.TtmMoveRet: OnTtmMoveReturn(e, thread); break;
        }
    }

    /// <summary>The capture is over: faults that are still open end as far as they were seen.</summary>
    public void Complete()
    {
        foreach (ThreadState thread in _threads.Values.OrderBy(thread => thread.Pid))
        {
            if (thread.Fault is { } fault)
            {
                Close(thread, fault, -1, fault.Observed.Seq);
            }
        }

        EndedWindows.AddRange(_openWindows.Select(open => open.Window));
    }

    /// <summary>An event whose text does not show what the replay needs of it: nothing is made up for it.</summary>
    private void OnUntold(EventCursor e, ThreadState thread)
    {
        Counts.EventsUntold++;
        if (e.Kind != EventKind.PageFault)
        {
            return;
        }

        Counts.FaultsUntold++;
        if (thread.Fault is { } previous)
        {
            Close(thread, previous, -1, e.Seq);
        }
    }

    private ThreadState Thread(int pid)
    {
        if (_thread.Pid == pid)
        {
            return _thread;
        }

        if (!_threads.TryGetValue(pid, out ThreadState? thread))
        {
            if (_threads.Count >= MaxThreads)
            {
                foreach (ThreadState idle in _threads.Values.Where(t => t.Fault is null && t.Windows.Count == 0 && t.Region is null).ToArray())
                {
                    _threads.Remove(idle.Pid);
                }
            }

            thread = new ThreadState(pid);
            _threads.Add(pid, thread);
        }

        return _thread = thread;
    }

    /// <summary>The VM a task works for: shown by its own events, or the only one there is.</summary>
    private VmTrack VmOf(ThreadState thread)
    {
        if (thread.Vm is { } known)
        {
            return known;
        }

        if (_vms.Count == 0)
        {
            _vms.Add(new VmTrack(0, 0));
        }
        else if (_vms.Count > 1)
        {
            Counts.VmAssumed++;
        }

        return _vms[^1];
    }

    private void Attach(ThreadState thread, VmTrack vm)
    {
        if (thread.Vm is null)
        {
            thread.Vm = vm;
            foreach (Operation operation in thread.EarlyMappings)
            {
                Operation own = operation;
                own.Vm = vm.Index;
                Operations.Add(own);
                LearnMapping(vm, in own);
            }

            thread.EarlyMappings.Clear();
        }
    }

    private void Emit(OperationKind kind, VmTrack vm, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, byte asId = 0) =>
        Operations.Add(new Operation { Kind = kind, Vm = vm.Index, AsId = asId, Open = -1, FaultId = -1, Seq = _seq, Time = _time, A = a, B = b, C = c, D = d });

    private void EmitHost(OperationKind kind, ulong a, ulong b = 0, ulong c = 0) =>
        Operations.Add(new Operation { Kind = kind, Open = -1, FaultId = -1, Seq = _seq, Time = _time, A = a, B = b, C = c });
}

/// <summary>What the timeline must know of the captured machine.</summary>
/// <param name="Intel">error_code is an exit qualification (VMX), not a PFERR.</param>
/// <param name="Codes">RET_PF_* of the captured kernel (spec 1.4).</param>
/// <param name="HostWritableBit">The SPTE bit that says that the host maps the page writable.</param>
/// <param name="AccessedBit">The SPTE bit that says accessed.</param>
/// <param name="DirtyBit">The SPTE bit that says dirty.</param>
public sealed record TimelineOptions(bool Intel, Kernel.ReturnCodes Codes, ulong HostWritableBit, ulong AccessedBit, ulong DirtyBit);

/// <summary>How often the timeline had to infer or assume: the raw material of the assumptions view.</summary>
public sealed class TimelineCounts
{
    public long SlotsFromRegionCall { get; set; }

    public long SlotsFromFaults { get; set; }

    public long SlotsInferred { get; set; }

    /// <summary>Lookups whose page no earlier leaf shows.</summary>
    public long PagesInferred { get; set; }

    public long WindowsClosedByProbe { get; set; }

    public long WindowsClosedByNextEvent { get; set; }

    /// <summary>By a whole fault of another task after them (spec 15.2, policy c).</summary>
    public long WindowsClosedByFault { get; set; }

    public long WindowsClosedByLoss { get; set; }

    public long VmAssumed { get; set; }

    public long MaintenanceFromSpteEvents { get; set; }

    public long OutcomesInferred { get; set; }

    /// <summary>Lookups whose map_writable no probe shows: taken from the leaf that KVM made.</summary>
    public long WritableFromLeaf { get; set; }

    public long PrefetchFaults { get; set; }

    public long FaultsDropped { get; set; }

    /// <summary>Events that were recorded without a value that the replay needs of them (texts): not used.</summary>
    public long EventsUntold { get; set; }

    /// <summary>Of these, faults: they have no row.</summary>
    public long FaultsUntold { get; set; }

    /// <summary>Faults whose outcome a recorded event would say, had its value been shown: UNKNOWN.</summary>
    public long OutcomesUntold { get; set; }
}
