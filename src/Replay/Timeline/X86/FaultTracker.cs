using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Host;
using TraceReplay.Replay.Timeline.Inference;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;

namespace TraceReplay.Replay.Timeline.X86;

/// <summary>Assembles one fault per vCPU thread (spec 15.1) and tells the models of its steps, each with the places it lies between.</summary>
internal sealed class FaultTracker
{
    private const int MaxOpenFaults = FaultLimits.MaxOpen;

    private readonly TimelineContext _context;
    private readonly VmTracker _vms;
    private readonly WindowTracker _windows;
    private readonly MemslotTracker _memslots;
    private readonly HostTracker _host;
    private readonly GuestTables _guestTables;
    private readonly PageInference? _inference;
    private readonly FaultEnds _ends;
    private readonly LockSharers _sharers;
    private readonly Stack<OpenFault> _free = new();

    private readonly List<OpenFault> _open = [];
    private long _next;

    public FaultTracker(TimelineContext context, VmTracker vms, WindowTracker windows, MemslotTracker memslots, HostTracker host, GuestTables guestTables, PageInference? inference)
    {
        _context = context;
        _vms = vms;
        _windows = windows;
        _memslots = memslots;
        _host = host;
        _guestTables = guestTables;
        _inference = inference;
        _ends = new FaultEnds(context);
        _sharers = new LockSharers(context);
        for (int i = MaxOpenFaults - 1; i >= 0; i--)
        {
            _free.Push(new OpenFault { Open = i });
        }
    }

    /// <summary>Place of the earliest snapshot that a fault which is still open may have taken; <see cref="long.MaxValue"/> if none is open.</summary>
    public long OldestSnapshot
    {
        get
        {
            long oldest = long.MaxValue;
            foreach (OpenFault fault in _open)
            {
                oldest = Math.Min(oldest, fault.SnapshotAfter);
            }

            return oldest;
        }
    }

    /// <summary>Faults that have ended since the caller last cleared the list.</summary>
    public List<ObservedFault> Ended { get; } = [];

    public void OnPageFault(EventCursor e, TaskState task)
    {
        Supersede(e, task);
        if (Open(e, task, e[0], FaultCodes.AccessOf(e[1], _context.Options.Intel && task.LeftGuest != GuestExit.GuestPageFault)) is { } fault)
        {
            fault.Observed.Vcpu = e.Knows(2) ? (int)e[2] : -1;
            fault.Observed.Nested = task.IsNested;
            if (task.LeftGuest == GuestExit.GuestPageFault || task is { IsNested: true, HasNestedTdp: true })
            {
                Shadow(fault);
                fault.Observed.Gpa = ObservedFault.UnknownGpa;
            }
        }
    }

    /// <summary>A fault of the shadow MMU: its address is the guest's own, the gfn is the walk's result.</summary>
    private static void Shadow(OpenFault fault)
    {
        fault.Observed.Shadow = true;
        fault.Access |= FaultAccess.Shadow;
        fault.Gva = fault.Observed.Gpa;
    }

    /// <summary>A fault whose address the capture does not tell: it has no row, and ends the one before.</summary>
    public void OnUntold(EventCursor e, TaskState task)
    {
        _context.Counts.FaultsUntold++;
        Supersede(e, task);
    }

    public void OnTdpFault(EventCursor e, TaskState task)
    {
        if (e.Knows(2))
        {
            _vms.SeeVcpu(task, e[2]);
        }

        // A handler entry after a handler return is a new call: without kvm_page_fault it is none of the guest's faults (K1).
        if (task.Fault is { Returned: true } done)
        {
            Close(task, done, -1, e.Seq);
        }

        if (task.Fault is null)
        {
            if (!e.Knows(0))
            {
                _context.Counts.EventsUntold++;
                return;
            }

            bool misconfiguration = e.Knows(1) && FaultCodes.IsReserved(e[1]);
            if (Open(e, task, e[0], misconfiguration ? FaultAccess.Reserved : FaultAccess.Prefetch) is { } call)
            {
                call.IsCall = true;
                _next--;
                call.Observed.FaultId = -1;
                _context.Counts.PrefetchFaults++;
            }
        }

        if (task.Fault is { } fault)
        {
            fault.SawTdpFault = true;
            if (fault is { Observed.Shadow: true, Begun: false })
            {
                // This handler serves guest-physical addresses only: the guest's guest has no tables for them.
                fault.Observed.Shadow = false;
                fault.Observed.Gpa = fault.Gva;
                fault.Access &= ~FaultAccess.Shadow;
                fault.Gva = 0;
            }

            if (fault.Vm != task.Vm && task.Vm is { } vm)
            {
                fault.Vm = vm;
            }

            if (!fault.Begun)
            {
                fault.SnapshotAfter = _context.Place;
            }

            fault.Last = _context.Place;
        }
    }

    public void OnFastPageFault(EventCursor e, TaskState task)
    {
        if (task.Fault is not { Returned: false } fault)
        {
            return;
        }

        fault.Last = _context.Place;
        if (!e.Knows(2))
        {
            fault.FastUntold = true;
            return;
        }

        Kernel.ReturnCodes codes = _context.Options.Codes;
        fault.FastReturn = (int)e[2];
        if (e.Knows(1) && (fault.FastReturn == codes.Fixed || fault.FastReturn == codes.Spurious))
        {
            SeeLeaf(fault, e[1], 0);
            fault.Record = fault.FastReturn == codes.Fixed ? (fault.Observed.Level, e[1]) : null;
            Commit(task, fault);
        }
    }

    public void OnFaultin(EventCursor e, TaskState task)
    {
        if (task.Fault is not { Returned: false } fault)
        {
            return;
        }

        if (!fault.SawTdpFault && _context.Kinds.Contains(EventKind.TdpFault) && !fault.Observed.Shadow)
        {
            Shadow(fault);
        }

        if (fault.Observed.Shadow)
        {
            fault.Observed.Gpa = (e[0] << 12) | (fault.Gva & 0xfff);
        }

        SeeSlot(e, task, fault);
        fault.Faultin = fault.Last = _context.Place;
        if (_context.Options.SnapshotInLookup)
        {
            fault.SnapshotAfter = _context.Place;
        }
        else
        {
            Begin(task, fault);
        }
    }

    public void OnHvaToPfn(EventCursor e, TaskState task)
    {
        if (task.Fault is not { Committed: false, Returned: false } fault)
        {
            return;
        }

        Begin(task, fault, lookupSeen: true);
        if (fault.LookupEntry == 0)
        {
            fault.LookupEntry = _context.Place;
        }

        // Without any record behind it nothing tells when the lookup is over.
        fault.InLookup = _context.Kinds.Contains(EventKind.HvaToPfnRet) || _context.Kinds.Contains(EventKind.FaultinRet) || _context.Kinds.Contains(EventKind.SpteRequested);
        fault.SawFollow = fault.FollowedUntold = false;
        fault.Hva = e[0];
        fault.Fact = LookupFact.None;
        fault.LookupPfn = 0;
        fault.Last = _context.Place;
    }

    public static void OnFixupReturn(EventCursor e, TaskState task)
    {
        if (task.Fault is { InLookup: true } fault && (int)e[0] != 0)
        {
            fault.Fact = LookupFact.DriverRefused;
        }
    }

    public void OnHvaToPfnReturn(EventCursor e, TaskState task)
    {
        if (task.Fault is not { InLookup: true } fault)
        {
            return;
        }

        fault.InLookup = false;
        fault.LookupPfn = e[0];
        bool refused = e[0] == SpecialPfn.Fault && !_host.ChangedSince(fault.Vm, fault.Hva, fault.LookupEntry);
        fault.Refused = refused && (fault.FollowedUntold || !_context.Kinds.Contains(EventKind.FollowPfn)) && _inference?.IsDriversPage(fault) == true;
        fault.LookupShown = !fault.Refused;
        fault.LookupReturn = fault.Last = _context.Place;
        fault.Fact = e[0] switch
        {
            SpecialPfn.HwPoison => LookupFact.Poisoned,
            SpecialPfn.SignalPending => LookupFact.Interrupted,
            SpecialPfn.NeedsIo => LookupFact.None,
            SpecialPfn.Fault when fault.Refused => LookupFact.None,
            SpecialPfn.Fault when !fault.SawFollow => LookupFact.Forbidden,
            SpecialPfn.Fault when fault.FollowedUntold => LookupFact.RefusedUntold,
            _ when SpecialPfn.IsError(e[0]) => fault.Fact,
            _ => LookupFact.Found,
        };
    }

    /// <summary>kvm_try_async_get_page says only that it was tried: a full queue goes on to the waiting lookup (K1).</summary>
    public void OnTryAsync(TaskState task) => task.Fault?.AsyncQueued |= !_context.Kinds.Contains(EventKind.AsyncQueued);

    public static void OnAsyncQueued(TaskState task) => task.Fault?.AsyncQueued |= !task.Fault.Returned;

    public void OnFaultinReturn(EventCursor e, TaskState task)
    {
        if (task.Fault is not { Committed: false, Returned: false } fault)
        {
            return;
        }

        if (e.Knows(1) && _context.Options.SnapshotInLookup)
        {
            fault.SnapshotPlusOne = e[1] + 1;
        }

        if (e.Knows(2) && e[2] == SpecialPfn.NoSlot && fault.Slot is not null)
        {
            // Its entry's fields were left from another fault: a lookup without a memslot has none to read.
            fault.Slot = null;
            fault.Observed.SlotId = -1;
            _memslots.See(fault.Vm, fault.Gfn, task.AsId, null);
        }

        Begin(task, fault);
        fault.InLookup = false;
        fault.FaultinReturn = fault.Last = _context.Place;
        if (!fault.LookupShown && e.Knows(2) && e[2] != 0 && !SpecialPfn.IsError(e[2]) && e[2] != SpecialPfn.NoSlot)
        {
            fault.LookupPfn = e[2];
            fault.Fact = LookupFact.Found;
        }

        if (GuestMemfd.Recognise(fault, _context, failed: e.Knows(0) && (int)e[0] < 0))
        {
            // What the file gave lies at no address of the VMM's, but for the time of this fault.
            _context.Emit(OperationKind.PteKnown, fault.Vm, fault.Slot?.Hva(fault.Gfn) ?? 0, HostPte.Make(fault.LookupPfn, true, special: false, level: 0).Raw);
        }

        // Without map_writable (6.1) the lookup waits for the SPTE to show it; that setting has no check in between.
        if (e.Knows(3) && fault.LookupReturn > 0 && !fault.Refused)
        {
            SendLookup(fault, (e[3] & 1) != 0);
        }
    }

    public void OnSpteRequested(EventCursor e, TaskState task)
    {
        if (task.Fault is not { Committed: false, Returned: false } fault)
        {
            return;
        }

        if (fault.Requested == 0)
        {
            _sharers.Add(fault);
        }

        fault.LookupByRequest = _context.WindowsUnseen && _inference is not null && !fault.LookupShown && !fault.Observed.Shadow && !SpecialPfn.IsError(e[1]) && e[1] != SpecialPfn.NoSlot;
        Begin(task, fault, lookupSeen: true);
        TellNextStep(fault, OwnStep.Seen);
        fault.InLookup = false;
        fault.Requested = fault.Last = _context.Place;
        if (fault.LookupPfn == 0 && !SpecialPfn.IsError(e[1]) && e[1] != SpecialPfn.NoSlot && (_inference is null || fault.FaultinReturn > 0 || fault.LookupByRequest))
        {
            fault.LookupPfn = e[1];
            fault.Fact = LookupFact.Found;
        }

        fault.Observed.Level = Math.Clamp((int)(byte)e[2], 1, 3);
    }

    /// <summary>An entry has changed: other faults may have met it before or after.</summary>
    public void EntryChanged(TaskState task, VmTrack vm, ulong gfn, int level)
    {
        _sharers.EntryChanged(task, vm, gfn, level);
        foreach (OpenFault fault in _open)
        {
            fault.Overtaken |= !fault.Begun && task.Fault != fault && fault.Meets(vm, gfn, level);
        }
    }

    /// <summary>
    /// A change of an entry that a fault of this task makes on its own way. The record of its leaf is the install: what others read on that
    /// entry is ordered by it.
    /// </summary>
    /// <returns>False if it is none of a fault's.</returns>
    public bool TakeOwnChange(TaskState task, byte asId, ulong gfn, int level, ulong old, ulong now)
    {
        if (task.Fault is not { InLookup: false, Returned: false } fault || fault.Observed.AsId != asId || !fault.Meets(fault.Vm, gfn, level))
        {
            return false;
        }

        bool present = SpteLayout.IsPresent(now);
        bool leaf = present && (level == 1 || (now & SpteLayout.LargeBit) != 0);
        bool mmio = !present && level == 1 && (now & ~SpteLayout.SuppressVe) != 0 && now != _context.Options.Frozen;
        if (!leaf && !mmio)
        {
            // A table linked or split on the way; or the leaf of a fault without probes goes in its own copy-on-write.
            return present || !SpteLayout.IsPresent(old) || _context.Kinds.Contains(EventKind.HvaToPfn) || fault.Requested > 0;
        }

        if (fault.Committed)
        {
            return true;
        }

        fault.Installed = true;
        if (leaf)
        {
            SeeLeaf(fault, now, level);
            fault.Observed.By = fault.Observed.By == ObservedBy.Nothing ? ObservedBy.SetSpte : fault.Observed.By;
        }

        fault.Record = (level, leaf ? now : 0);

        // By the chain of values another's install came first, though its record comes later.
        ulong known = _context.Records.LeafBefore(fault.Vm, asId, gfn, level);
        fault.Behind = SpteLayout.IsPresent(old) && ((old ^ known) & ~(_context.Options.AccessedBit | _context.Options.DirtyBit)) != 0;
        Commit(task, fault);
        return true;
    }

    public void OnSetSpte(EventCursor e, TaskState task)
    {
        int level = (int)(byte)e[2];
        if (task.Fault is null && level is 1 or 2 or 3)
        {
            // The completion of an async page fault: nothing else of it is recorded.
            _inference?.LearnLeaf(_vms.Of(task), task.AsId, e[0], e[1], level, fault: -1, stands: true);
            return;
        }

        if (task.Fault is not { Returned: false } fault || level is 0 or > 3)
        {
            return;
        }

        if (!fault.Observed.IsGpaKnown)
        {
            // A leaf is no larger than the guest's own mapping: below its size both addresses are the same.
            fault.Observed.Gpa = (e[0] << 12) | (fault.Gva & ((Levels.Pages(level) << 12) - 1));
        }

        if ((e[0] ^ fault.Gfn) >= Levels.Pages(level))
        {
            return;
        }

        if (fault.Committed && !fault.Installed)
        {
            return;
        }

        // The event reads the entry again: where the change itself is recorded, another task's may have come in between.
        if (!fault.Installed)
        {
            SeeLeaf(fault, e[1], level);
        }

        fault.Observed.By = ObservedBy.SetSpte;
        _context.Records.Installed(fault.Vm, fault.Observed.AsId, fault.Gfn, _windows.InProgress);
        if (!fault.Committed)
        {
            if (!_context.Kinds.Contains(EventKind.SpteChanged))
            {
                _sharers.SeeRace(fault);
            }

            fault.Installed = !_context.Kinds.Contains(EventKind.SpteChanged) || fault.Observed.Shadow;
            fault.Record = (level, e[1]);
            Commit(task, fault);
        }
    }

    /// <summary>Where the memslots' own generation is not known, this says that an MMIO SPTE is too old to be used.</summary>
    public void OnCheckMmioSpte(EventCursor e, TaskState task)
    {
        if (_inference is not null && task.Fault is { Begun: false, Vm.FirstSlot: null } fault && e.Knows(0) && e.Knows(1) && e[0] != e[1])
        {
            fault.Access &= ~FaultAccess.Reserved;
        }
    }

    public void OnMmio(TaskState task)
    {
        if (task.Fault is not { } fault)
        {
            return;
        }

        if (fault.Observed.By == ObservedBy.Nothing)
        {
            fault.Observed.By = ObservedBy.Mmio;
        }

        Commit(task, fault);
    }

    public void OnRelease(EventCursor e, TaskState task)
    {
        // Behind the handler's return the task may look pages up for other reasons (emulation, kvm_vcpu_map).
        if (task.Fault is not { Returned: false } fault)
        {
            return;
        }

        fault.Observed.Releases++;
        fault.Observed.ReleasedPfn = e.Knows(0) ? e[0] : 0;
        if (fault.Requested > 0)
        {
            // It is done under mmu_lock: it installs nothing more.
            Commit(task, fault);
        }
    }

    public void OnTdpFaultReturn(EventCursor e, TaskState task)
    {
        if (task.Fault is not { Returned: false } fault)
        {
            return;
        }

        fault.SawReturn = e.Knows(0);
        fault.ReturnUntold = !fault.SawReturn;
        fault.Return = (int)e[0];
        fault.Observed.ReturnTime = e.Time;
        Commit(task, fault);
        Return(fault);
        if (fault.SawReturn)
        {
            fault.Observed.Outcome = _ends.FromHandlerReturn(fault);
            Tell(fault, fault.Observed.Outcome);
        }

        if (fault.IsCall)
        {
            Close(task, fault, -1, e.Seq);
        }
    }

    public void OnEntry(EventCursor e, TaskState task)
    {
        if (task.Fault is { } fault)
        {
            if (fault.Observed.By == ObservedBy.Nothing)
            {
                fault.Observed.By = ObservedBy.Entry;
            }

            _context.Records.FaultEnded(fault.Vm, fault.Gfn, superseded: false);
            Close(task, fault, e.Time, e.Seq, LatencyEnd.Entry);
        }

        task.RootsAtEntry = _vms.Of(task).Roots;
    }

    /// <summary>The guest ran, so the fault was over before, and with a kvm_entry that is not recorded (K15).</summary>
    public void OnExit(EventCursor e, TaskState task)
    {
        if (task.Fault is not { } fault)
        {
            return;
        }

        if (fault.Observed.By == ObservedBy.Nothing)
        {
            fault.Observed.By = ObservedBy.Entry;
        }

        Close(task, fault, -1, e.Seq);
    }

    public void OnUserspaceExit(EventCursor e, TaskState task)
    {
        if (task.Fault is not { } fault)
        {
            return;
        }

        fault.ReturnUntold |= !e.Knows(1);
        _ends.SeeErrno(fault, e.Knows(1) ? (int)e[1] : 0);
        _context.Records.FaultEnded(fault.Vm, fault.Gfn, superseded: false);

        // Without kvm_entry nothing says that the guest did not run meanwhile, unless the exit is the fault's own error.
        bool own = _context.Kinds.Contains(EventKind.Entry) || (e.Knows(1) && (int)e[1] < 0);
        Close(task, fault, own ? e.Time : -1, e.Seq, LatencyEnd.Exit);
    }

    /// <summary>The task enters or leaves a system call: a fault that is still open ended unseen (K15). KVM_RUN's own return tells its errno.</summary>
    public void OnSyscallEdge(TaskState task, long seq, int? result)
    {
        if (task.Fault is not { } fault)
        {
            return;
        }

        if (result is { } errno && !_context.Kinds.Contains(EventKind.UserspaceExit))
        {
            _ends.SeeErrno(fault, errno);
        }

        Close(task, fault, -1, seq);
    }

    /// <summary>The capture is over: faults that are still open end as far as they were seen.</summary>
    public void Complete(IEnumerable<TaskState> tasks)
    {
        foreach (TaskState task in tasks.OrderBy(task => task.Pid))
        {
            if (task.Fault is { } fault)
            {
                Close(task, fault, -1, fault.Observed.Seq);
            }
        }
    }

    private void Supersede(EventCursor e, TaskState task)
    {
        if (task.Fault is { } previous)
        {
            if (!previous.IsCall)
            {
                _context.Records.FaultEnded(previous.Vm, previous.Gfn, superseded: true);
            }

            Close(task, previous, -1, e.Seq);
        }
    }

    private OpenFault? Open(EventCursor e, TaskState task, ulong gpa, FaultAccess access)
    {
        if (!_free.TryPop(out OpenFault? fault))
        {
            _context.Counts.FaultsDropped++;
            return null;
        }

        fault.Reset();
        fault.Vm = _vms.Of(task);
        if (task.Vm is null && _vms.IsOnlyOne)
        {
            _vms.Attach(task, fault.Vm);
        }

        fault.Access = access;
        fault.Root = task.Root;
        fault.SnapshotAfter = fault.Last = _context.Place;
        fault.Vm.HasFaults = true;
        fault.Observed.FaultId = _next++;
        fault.Observed.Seq = e.Seq;
        fault.Observed.Time = e.Time;
        fault.Observed.ReturnTime = -1;
        fault.Observed.Pid = e.Pid;
        fault.Observed.AsId = task.AsId;
        fault.Observed.SlotId = -1;
        fault.Observed.Vcpu = -1;
        fault.Observed.Gpa = gpa;
        fault.Observed.Access = access;
        task.Fault = fault;
        _open.Add(fault);
        return fault;
    }

    /// <summary>The faultin probe shows the memslot that the kernel found; one that the trace did not show before is learned here.</summary>
    private void SeeSlot(EventCursor e, TaskState task, OpenFault fault)
    {
        // Where the lookup found no slot, the probe reads through a NULL pointer and records what lay in its buffer.
        ulong pages = e[4];
        ulong gfn = fault.Gfn;
        fault.SlotSeen = true;
        if (pages > 1UL << 40 || e[0] - e[3] >= pages)
        {
            _memslots.See(fault.Vm, gfn, task.AsId, null);
            return;
        }

        Memslot seen = new(task.AsId, (short)e[1], e[3], pages, e[5], (MemslotFlags)(uint)e[2]);
        if ((task.Vm is null || !VmTracker.Holds(fault.Vm, seen)) && (_vms.WithSlot(seen) ?? (task.Vm is null && _vms.IsOnlyOne ? fault.Vm : null)) is { } owner)
        {
            // Of several VMs that a task made or serves, the memslot that the lookup found tells which it is now.
            _vms.Attach(task, owner);
            fault.Vm = owner;
        }

        fault.Slot = seen;
        fault.SeenInvalid = seen.Is(MemslotFlags.Invalid);
        fault.Observed.SlotId = seen.Id;
        _memslots.See(fault.Vm, gfn, task.AsId, seen);
    }

    /// <summary>The models are told that the fault began: between its handler's entry and now it took its snapshot and looked for the first time.</summary>
    private void Begin(TaskState task, OpenFault fault, bool lookupSeen = false)
    {
        if (fault.Begun)
        {
            return;
        }

        fault.Begun = true;
        bool entriesKnown = _context.Kinds.Contains(EventKind.Entry);
        bool reloaded = task.RootsAtEntry == fault.Vm.Roots || (task.RootsAtEntry is null && fault.Vm.Roots == 0);
        SlotFact slot = fault.SeenInvalid ? SlotFact.SeenInvalid
            : fault.SlotSeen ? SlotFact.Recorded
            : fault.Observed.Shadow || (_context.Kinds.Contains(EventKind.Faultin) && !_context.Kinds.Contains(EventKind.SetRegion)) ? SlotFact.Unknown
            : _inference is not null ? _inference.SlotOf(fault)
            : MemslotTracker.FactOf(fault.Vm, fault.Gfn, (byte)fault.Observed.AsId);
        fault.SlotFact = slot;
        if (slot == SlotFact.Unknown && _inference is not null && fault.Vm.FirstSlot is null && !_context.Kinds.Contains(EventKind.Faultin))
        {
            // Nor is it known whether the MMIO SPTE that it met is of the memslots as they are now.
            fault.Access &= ~FaultAccess.Reserved;
        }

        if (_context.WindowsUnseen && !fault.Observed.Shadow)
        {
            SeeEntryByCode(fault);
        }

        Operation begin = Step(fault, OperationKind.FaultBegin, fault.Observed.Gpa, (ulong)fault.Access, BeginFacts.Make(
            slot,
            rootStale: !reloaded && entriesKnown && task.RootsAtEntry is not null,
            rootMayBeStale: !reloaded && !(entriesKnown && task.RootsAtEntry is not null),
            fault.SnapshotPlusOne,
            lookupSeen ? OwnStep.Seen : fault.Faultin > 0 && _context.Kinds.Contains(EventKind.HvaToPfn) ? OwnStep.Missing : OwnStep.NotRecorded,
            FastPathOf(fault)));
        begin.D = fault.Gva;
        begin.After = fault.SnapshotAfter;
        begin.Before = Math.Max(fault.SnapshotAfter, _context.Place);
        _context.Queue.Add(in begin);
    }

    /// <summary>Where nothing shows who takes a leaf away or its write bit, the CPU's error code says what it met.</summary>
    private void SeeEntryByCode(OpenFault fault)
    {
        if ((fault.Access & (FaultAccess.Present | FaultAccess.Reserved)) == 0)
        {
            _context.Emit(OperationKind.ZapLeaf, fault.Vm, fault.Gfn, 1, asId: fault.Root);
        }
        else if ((fault.Access & (FaultAccess.Present | FaultAccess.Write)) == (FaultAccess.Present | FaultAccess.Write) && fault.FastReturn != _context.Options.Codes.Spurious)
        {
            _context.Emit(OperationKind.WriteProtect, fault.Vm, fault.Gfn, 1, asId: fault.Root);
        }
    }

    private FastPathFact FastPathOf(OpenFault fault) => !fault.Overtaken ? FastPathFact.Open
        : fault.FastReturn >= 0 && fault.FastReturn != _context.Options.Codes.Fixed && fault.FastReturn != _context.Options.Codes.Spurious ? FastPathFact.Over
        : _context.Kinds.Contains(EventKind.FastPageFault) && !fault.FastUntold ? fault.FastReturn >= 0 ? FastPathFact.Open : FastPathFact.Over
        : FastPathFact.Untold;

    private void SendLookup(OpenFault fault, bool mapWritable)
    {
        if (fault.LookupSent)
        {
            return;
        }

        fault.LookupSent = true;
        if (fault.Fact == LookupFact.Found && (!fault.SawFollow || fault.FollowedUntold) && !SpecialPfn.IsError(fault.LookupPfn))
        {
            // Remembered by hva; a fault whose lookup was not probed finds its hva through the slot.
            ulong hva = fault.Hva != 0 ? fault.Hva : fault.Vm.Slots[fault.Observed.AsId].Find(fault.Gfn)?.Hva(fault.Gfn) ?? 0;
            fault.Hva = hva;
            _context.Emit(OperationKind.PteKnown, fault.Vm, hva, HostPte.Make(fault.LookupPfn, mapWritable, special: fault.FollowedUntold, level: 0).Raw);
        }

        LookupFact fact = fault.AsyncQueued && fault.Fact != LookupFact.Found ? LookupFact.AsyncQueued : fault.Fact;
        Operation lookup = Step(fault, OperationKind.FaultLookup, (ulong)fact, fault.SnapshotPlusOne);
        lookup.C = _host.ChangedSince(fault.Vm, fault.Hva, fault.LookupEntry) ? 1UL : 0;
        lookup.After = fault.LookupReturn > 0 ? fault.LookupReturn : fault.SnapshotAfter;
        lookup.Before = Math.Max(lookup.After, fault.FaultinReturn > 0 ? fault.FaultinReturn : fault.Requested > 0 ? fault.Requested : _context.Place);

        // What the fault does next tells on which side of a window its check lies.
        fault.Lookup = _context.Queue.Hold(in lookup);
    }

    private void TellNextStep(OpenFault fault, OwnStep step)
    {
        if (fault.Lookup < 0)
        {
            return;
        }

        if (_context.Queue.Has(fault.Lookup))
        {
            _context.Queue[fault.Lookup].D = (ulong)step;
        }

        _context.Queue.Release(fault.Lookup);
        fault.Lookup = -1;
    }

    /// <summary>The point at which the kernel had decided: the models decide here too, unless another fault is about to change what this one met.</summary>
    private void Commit(TaskState task, OpenFault fault)
    {
        if (fault.Committed || fault.WaitsFor is not null)
        {
            return;
        }

        Begin(task, fault);
        fault.Last = fault.Requested > 0 ? fault.Requested : _context.Place;
        if ((!fault.Installed || fault.Behind) && _sharers.Installer(fault) is { } installer)
        {
            fault.WaitsFor = installer;
            installer.Waiting.Add(fault);
            return;
        }

        SendMap(fault);
    }

    private void SendMap(OpenFault fault)
    {
        fault.Committed = true;
        LookupFact fact = fault.RaceUntold ? LookupFact.OrderUnknown
            : GuestMemfd.IsUntold(fault) ? LookupFact.SourceUnknown
            : fault.Observed.GuestMemfd ? LookupFact.GuestMemfd
            : fault.AsyncQueued && fault.Fact != LookupFact.Found ? LookupFact.AsyncQueued
            : fault is { FaultinReturn: > 0, LookupEntry: 0 } && _context.Kinds.Contains(EventKind.HvaToPfn) && fault.Fact != LookupFact.Found ? LookupFact.NotMade
            : LookupFact.None;
        bool mapWritable = fault.Observed.HasLeaf ? (fault.Observed.Spte & _context.Options.HostWritableBit) != 0 : (fault.Access & FaultAccess.Write) != 0;
        MapFacts facts = (fault.Raced && !fault.Installed ? MapFacts.Raced : MapFacts.None) | _guestTables.Rights(fault);
        if (fact == LookupFact.None && _inference is not null && !fault.LookupShown && fault.Fact != LookupFact.Found)
        {
            fact = _inference.Prepare(fault);
        }
        else if (fact is not (LookupFact.SourceUnknown or LookupFact.GuestMemfd) && !fault.LookupSent && ((fault.LookupReturn > 0 && !fault.Refused) || fault.Fact == LookupFact.Found))
        {
            bool fromLeaf = fault.Observed.HasLeaf && (!fault.SawFollow || fault.FollowedUntold);
            _context.Counts.WritableFromLeaf += fromLeaf ? 1 : 0;
            facts |= fromLeaf ? MapFacts.WritableReadOff : MapFacts.None;
            SendLookup(fault, mapWritable);
        }

        bool stepRecorded = _context.Kinds.Contains(EventKind.SpteRequested);
        facts |= fault.Requested > 0 ? MapFacts.Passed : stepRecorded ? MapFacts.NotPassed : MapFacts.None;
        facts |= fault is { LookupShown: false, FaultinReturn: 0 } && fault.SlotFact != SlotFact.NoneInferred ? MapFacts.LookupUnseen : MapFacts.None;
        TellNextStep(fault, fault.Requested > 0 ? OwnStep.Seen : stepRecorded ? OwnStep.Missing : OwnStep.NotRecorded);
        Operation map = Step(fault, OperationKind.FaultMap, (ulong)fact, (ulong)facts, fault.Observed.HasLeaf ? (ulong)fault.Observed.Level : 0);
        long earliest = Math.Max(Math.Max(fault.FaultinReturn, fault.LookupReturn), fault.SnapshotAfter);
        map.After = fault.Requested > 0 ? fault.Requested : earliest;
        map.Before = fault.Requested > 0 ? fault.Requested : Math.Max(earliest, fault.Last);
        fault.Map = _context.Queue.Hold(in map);
        if (fault.Record is { } record)
        {
            _context.Emit(OperationKind.LeafRecorded, fault.Vm, fault.Gfn & ~(Levels.Pages(record.Level) - 1), record.Spte, 0, (ulong)record.Level, fault.Root);
        }

        foreach (OpenFault waiting in fault.Waiting)
        {
            waiting.WaitsFor = null;
            waiting.Raced |= fault.Installed && waiting.Meets(fault.Vm, fault.Gfn, fault.Observed.HasLeaf ? fault.Observed.Level : 1);
            SendMap(waiting);
            if (waiting.Closed)
            {
                Finish(waiting);
            }
            else if (waiting.Returned && waiting.SawReturn)
            {
                Tell(waiting, waiting.Observed.Outcome);
            }
        }

        fault.Waiting.Clear();
    }

    /// <summary>How the fault ended is known: of a set of outcomes, the models' state goes on with it.</summary>
    private void Tell(OpenFault fault, FaultOutcome outcome)
    {
        if (fault.Map < 0)
        {
            return;
        }

        if (_context.Queue.Has(fault.Map))
        {
            _context.Queue[fault.Map].D = (ulong)outcome + 1;
        }

        _context.Queue.Release(fault.Map);
    }

    private void Return(OpenFault fault)
    {
        fault.Returned = true;
        if (fault.Requested > 0)
        {
            _sharers.Remove(fault);
        }
    }

    private void Close(TaskState task, OpenFault fault, long endTime, long endSeq, LatencyEnd end = LatencyEnd.None)
    {
        Commit(task, fault);
        if (!fault.Returned)
        {
            Return(fault);
        }

        task.Fault = null;
        ref ObservedFault observed = ref fault.Observed;
        observed.Vm = fault.Vm.Index;
        observed.Hva = fault.Hva;
        observed.EndSeq = endSeq;
        observed.Releases = _context.Kinds.Contains(EventKind.Release) ? observed.Releases : -1;
        (long until, observed.LatencyTo) = observed.ReturnTime >= 0 ? (observed.ReturnTime, LatencyEnd.Return) : (endTime, endTime < 0 ? LatencyEnd.None : end);
        observed.Latency = until < observed.Time ? -1 : until - observed.Time;
        observed.LatencyTo = observed.Latency < 0 ? LatencyEnd.None : observed.LatencyTo;
        _ends.Decide(fault);
        fault.Closed = true;
        if (fault.WaitsFor is null)
        {
            Finish(fault);
        }
    }

    /// <summary>Closed, and the models were told of all of it.</summary>
    private void Finish(OpenFault fault)
    {
        Tell(fault, fault.Observed.Outcome);
        foreach (OpenFault waiting in fault.Waiting)
        {
            waiting.WaitsFor = null;
        }

        if (_inference is not null)
        {
            if (fault.Observed.HasLeaf)
            {
                _windows.CloseOutlivedBy(fault.Observed.Pid, fault.Observed.Seq + 1, fault.Hva);
            }

            _inference.Learn(fault);
        }

        if (!fault.IsCall)
        {
            Ended.Add(fault.Observed);
        }

        int place = _open.Count - 1;
        while (!ReferenceEquals(_open[place], fault))
        {
            place--;
        }

        _open.RemoveAt(place);
        _free.Push(fault);
    }

    private static void SeeLeaf(OpenFault fault, ulong spte, int level)
    {
        fault.Observed.HasLeaf = true;
        fault.Observed.HasPfn = true;
        fault.Observed.Spte = spte;
        fault.Observed.Level = level == 0 ? ((spte & SpteLayout.LargeBit) != 0 ? 2 : 1) : level;
        ulong inside = fault.Gfn & (Levels.Pages(fault.Observed.Level) - 1);
        fault.Observed.Pfn = SpteLayout.Pfn(spte) + inside;
    }

    private Operation Step(OpenFault fault, OperationKind kind, ulong a, ulong b = 0, ulong c = 0)
    {
        Operation step = _context.Make(kind, fault.Vm, a, b, c, asId: fault.Root);
        step.Open = fault.Open;
        step.FaultId = fault.Observed.FaultId;
        return step;
    }
}
