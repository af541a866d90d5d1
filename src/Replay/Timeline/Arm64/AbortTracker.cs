using TraceReplay.Replay.Models.Arm64;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Host;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Tasks;
using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>
/// Assembles one guest abort per vCPU thread: kvm_guest_fault, and what probes show around it; tells the models of its steps, each with the
/// places it lies between.
/// </summary>
internal sealed class AbortTracker
{
    private const int MaxOpenFaults = FaultLimits.MaxOpen;

    private readonly TimelineContext _context;
    private readonly VmTracker _vms;
    private readonly MemslotTracker _memslots;
    private readonly HostTracker _host;
    private readonly AbortInference? _inference;
    private readonly AbortEnds _ends;
    private readonly Stack<OpenAbort> _free = new();
    private readonly List<OpenAbort> _open = [];
    private readonly List<AwaitedAbort> _awaited = [];
    private long _next;

    public AbortTracker(TimelineContext context, VmTracker vms, MemslotTracker memslots, HostTracker host, AbortInference? inference)
    {
        _context = context;
        _vms = vms;
        _memslots = memslots;
        _host = host;
        _inference = inference;
        _ends = new AbortEnds(context);
        for (int i = MaxOpenFaults - 1; i >= 0; i--)
        {
            _free.Push(new OpenAbort { Open = i });
        }
    }

    public List<ObservedFault> Ended { get; } = [];

    public long OldestSnapshot
    {
        get
        {
            long oldest = long.MaxValue;
            foreach (OpenAbort abort in _open)
            {
                oldest = Math.Min(oldest, abort.SnapshotAfter);
            }

            return oldest;
        }
    }

    /// <summary>kvm_handle_guest_abort is entered: which vCPU it is; its kvm_guest_fault comes next.</summary>
    public void OnHandler(EventCursor e, TaskState task)
    {
        Supersede(e, task);
        if (e.Knows(2) && e[2] != 0)
        {
            _vms.SeeKvm(task, e[2]);
        }

        if (e.Knows(0))
        {
            _vms.SeeVcpu(task, e[0]);
        }

        task.Vcpu = e.Knows(1) ? (int)e[1] : -1;
    }

    public void OnGuestFault(EventCursor e, TaskState task)
    {
        Supersede(e, task);
        if (!_free.TryPop(out OpenAbort? abort))
        {
            _context.Counts.FaultsDropped++;
            return;
        }

        abort.Reset();
        abort.Vm = _vms.Of(task);
        if (task.Vm is null && _vms.IsOnlyOne)
        {
            _vms.Attach(task, abort.Vm);
        }

        abort.Syndrome = new Syndrome(e[1]);
        abort.Access = abort.Syndrome.Access;
        abort.Pc = e.Knows(3) ? e[3] : null;
        abort.SnapshotAfter = abort.Last = _context.Place;
        abort.Vm.HasFaults = true;

        // The event's own: the page's address.
        abort.Observed.Gpa = e[0];
        abort.Observed.FaultId = _next++;
        abort.Observed.Seq = e.Seq;
        abort.Observed.Time = e.Time;
        abort.Observed.Pid = e.Pid;
        abort.Observed.SlotId = -1;
        abort.Observed.ReturnTime = -1;
        abort.Observed.Vcpu = task.Vcpu;
        abort.Observed.Access = abort.Access;
        if (task.Awaited is { } awaited)
        {
            task.Awaited = null;
            End(awaited, awaited.ByNext(abort, abort.Vm.WindowsSeen));
        }

        Share(abort);
        task.Abort = abort;
        _open.Add(abort);
    }

    private void Share(OpenAbort abort)
    {
        foreach (OpenAbort other in _open)
        {
            bool same = other.Vm == abort.Vm && other.Gfn == abort.Gfn;
            other.Shared |= same;
            abort.Shared |= same;
        }

        foreach (AwaitedAbort awaited in _awaited)
        {
            awaited.Shared |= awaited.Observed.Vm == abort.Vm.Index && awaited.Observed.Gpa >> 12 == abort.Gfn;
        }
    }

    public void OnUntold(EventCursor e, TaskState task)
    {
        _context.Counts.FaultsUntold++;
        Supersede(e, task);
        if (task.Awaited is { } awaited)
        {
            task.Awaited = null;
            End(awaited, FaultOutcome.Unknown);
        }
    }

    /// <summary>__gfn_to_pfn_memslot, or user_mem_abort where the slot stands in its argument: the memslot that the abort found.</summary>
    public void OnSlotShown(EventCursor e, TaskState task)
    {
        if (task.Abort is not { Returned: false } abort)
        {
            return;
        }

        abort.Last = _context.Place;
        abort.Nested |= e.Kind == EventKind.UserMemAbort && e.Knows(5) && e[5] != 0;
        if (e.Knows(0) && e.Knows(2) && e.Knows(3) && e.Knows(4) && e[3] <= 1UL << 40 && abort.Gfn - e[2] < e[3])
        {
            SeeSlot(task, abort, new Memslot(0, (short)e[0], e[2], e[3], e[4], (MemslotFlags)(uint)e[1]));
        }

        if (e.Kind == EventKind.UserMemAbort)
        {
            // The snapshot is taken behind the VMA's inspection.
            abort.SnapshotAfter = _context.Place;
        }
        else
        {
            EnterLookup(task, abort);
        }
    }

    public void OnHvaToPfn(EventCursor e, TaskState task)
    {
        if (task.Abort is not { Committed: false, Returned: false } abort)
        {
            return;
        }

        EnterLookup(task, abort);
        abort.InLookup = true;
        abort.SawFollow = false;
        ulong own = abort.Vm.Slots[0].Find(abort.Gfn)?.Hva(abort.Gfn) ?? e[0];
        abort.LookupOffset = own - e[0] < Levels.Pages(3) << 12 ? (own - e[0]) >> 12 : 0;
        abort.Hva = e[0] + (abort.LookupOffset << 12);
        abort.Fact = LookupFact.None;
        abort.LookupPfn = 0;
    }

    public static void OnFollowPfn(TaskState task) => task.Abort?.SawFollow = task.Abort.InLookup;

    public void OnFollowPfnReturn(EventCursor e, TaskState task)
    {
        if (task.Abort is not { InLookup: true } abort || (int)e[0] != 0)
        {
            return;
        }

        abort.Fact = LookupFact.Found;
        if (e.Knows(1) && e.Knows(2))
        {
            abort.LeafShown = true;
            _context.Emit(OperationKind.PteKnown, abort.Vm, abort.Hva, HostPte.Make(e[1] + abort.LookupOffset, (e[2] & 1) != 0, special: true, level: 0).Raw);
            abort.LookupPfn = e[1];
        }
    }

    public static void OnFixupReturn(EventCursor e, TaskState task)
    {
        if (task.Abort is { InLookup: true } abort && (int)e[0] != 0)
        {
            abort.Fact = LookupFact.DriverRefused;
        }
    }

    public void OnHvaToPfnReturn(EventCursor e, TaskState task)
    {
        if (task.Abort is not { InLookup: true } abort)
        {
            return;
        }

        abort.InLookup = false;
        ulong followed = abort.LookupPfn;
        abort.LookupPfn = e[0];
        abort.LookupShown = true;
        abort.LookupReturn = abort.Last = _context.Place;
        abort.Fact = e[0] switch
        {
            SpecialPfn.HwPoison => LookupFact.Poisoned,
            SpecialPfn.Fault when !abort.SawFollow => LookupFact.Forbidden,
            _ when SpecialPfn.IsError(e[0]) => abort.Fact,
            _ => LookupFact.Found,
        };
        if (abort is { SawFollow: true, Fact: LookupFact.Found, LeafShown: false })
        {
            ShowFollowedLeaf(abort, SpecialPfn.IsError(e[0]) ? followed : e[0] + abort.LookupOffset);
        }
    }

    /// <summary>6.1's record of a followed leaf has neither frame nor permission: the driver's insertion, or the lookup, showed the one, the VMA the other.</summary>
    private void ShowFollowedLeaf(OpenAbort abort, ulong pfn)
    {
        ulong inserted = abort.Vm.InsertedPfns[abort.Hva >> 12];
        pfn = inserted != 0 ? inserted - 1 : pfn != 0 ? pfn : SpecialPfn.MadeUp(abort.Gfn);
        Vma? vma = abort.Vm.Memory.FindVma(abort.Hva);
        bool writable = vma is not null ? HostTracker.IsSharedWritable(vma.Flags) : abort.LookupPfn != SpecialPfn.ReadOnlyFault;
        _context.Emit(OperationKind.PteKnown, abort.Vm, abort.Hva, HostPte.Make(pfn, writable, special: true, level: 0).Raw);
    }

    /// <summary>The lookup's caller has it back, and whether the host maps the page writable, where the record says it.</summary>
    public void OnLookupReturn(EventCursor e, TaskState task)
    {
        if (task.Abort is not { Committed: false, Returned: false } abort)
        {
            return;
        }

        abort.InLookup = false;
        abort.LookupReturn = abort.Last = _context.Place;
        abort.MapWritable = e.Knows(1) ? (e[1] & 1) != 0 : null;
        if (!abort.LookupShown && e.Knows(0) && e[0] != 0)
        {
            abort.LookupPfn = e[0];
            abort.LookupShown = true;
            abort.Fact = SpecialPfn.IsError(e[0]) ? abort.Fact : LookupFact.Found;
        }
    }

    /// <summary>pfn_is_map_memory, which others call as well.</summary>
    public static void OnMapMemory(EventCursor e, TaskState task)
    {
        if (task.Abort is { Returned: false, InLookup: false, LookupReturn: > 0, IsRam: null } abort && (!e.Knows(1) || e[1] == abort.LookupPfn))
        {
            abort.IsRam = (byte)e[0] != 0;
        }
    }

    public void OnIoAbort(TaskState task)
    {
        if (task.Abort is { Returned: false } abort)
        {
            abort.IoAbort = true;
            abort.Last = _context.Place;
        }
    }

    public static void OnNoSyndrome(TaskState task) => task.Abort?.NoSyndrome |= !task.Abort.Returned;

    public static void OnInjected(TaskState task) => task.Abort?.Injected |= !task.Abort.Returned;

    /// <summary>kvm_pgtable_stage2_map or _relax_perms, with mmu_lock held: the abort is behind its check.</summary>
    /// <returns>False if it is none of an abort's.</returns>
    public bool OnLeafStep(EventCursor e, TaskState task, LeafStep step)
    {
        if (task.Abort is not { Returned: false, InLookup: false } abort || (step != LeafStep.Young && !abort.SawLookup) || e[0] >> 12 != abort.Gfn >> Shift(step == LeafStep.Map ? e[1] : 0x1000) << Shift(step == LeafStep.Map ? e[1] : 0x1000))
        {
            return false;
        }

        abort.Step = step;
        abort.LeafEntry = abort.Last = _context.Place;
        if (step == LeafStep.Map)
        {
            abort.Prot = e[3];
            abort.Observed.Level = LevelOf(e[1]);
            abort.Observed.Pfn = (e[2] >> 12) + (abort.Gfn & (Levels.Pages(abort.Observed.Level) - 1));
            foreach (OpenAbort other in _open)
            {
                bool meets = other != abort && other.Step == LeafStep.Map && !other.StepReturned && other.Vm == abort.Vm
                    && (other.Gfn ^ abort.Gfn) < Levels.Pages(Math.Max(other.Observed.Level, abort.Observed.Level));
                other.Raced |= meets;
                abort.Raced |= meets;
            }
        }
        else if (step == LeafStep.Relax)
        {
            abort.Prot = e[1];
            abort.Observed.Level = Math.Max(1, abort.Syndrome.MetLevel);
            abort.Observed.Pfn = abort.LookupPfn + abort.LookupOffset;
        }

        return true;
    }

    private static int Shift(ulong size) => LevelOf(size) switch { 3 => 18, 2 => 9, _ => 0 };

    /// <summary>Level of a leaf by its size in bytes: 4 KiB, 2 MiB, 1 GiB.</summary>
    private static int LevelOf(ulong size) => size switch { >= 1UL << 30 => 3, >= 1UL << 21 => 2, _ => 1 };

    /// <returns>False if it is none of an abort's.</returns>
    public bool OnLeafStepReturn(EventCursor e, TaskState task, LeafStep step)
    {
        if (task.Abort is not { Returned: false, InLookup: false } abort || abort.Step != step || abort.StepReturned)
        {
            return false;
        }

        abort.StepReturned = true;
        abort.StepReturn = e.Knows(0) ? (int)e[0] : null;
        abort.Last = _context.Place;
        if (abort.StepReturn == 0 && step != LeafStep.Young && (step == LeafStep.Map || (abort.LookupShown && !SpecialPfn.IsError(abort.LookupPfn))))
        {
            Prot prot = _context.Options.Prot;
            bool normal = (abort.Prot & prot.NormalNonCacheable) != 0;
            abort.Observed.HasLeaf = abort.Observed.HasPfn = true;
            abort.Observed.Spte = Stage2Leaf.Make(
                abort.Observed.Pfn & ~(Levels.Pages(abort.Observed.Level) - 1),
                abort.Observed.Level,
                writable: (abort.Prot & prot.Write) != 0,
                executable: (abort.Prot & prot.Execute) != 0,
                device: (abort.Prot & prot.Device) != 0 || normal,
                nonCacheable: normal);
        }

        Commit(task, abort);
        return true;
    }

    public static void OnRelease(EventCursor e, TaskState task)
    {
        if (task.Abort is not { Returned: false } abort)
        {
            return;
        }

        abort.Observed.Releases++;
        abort.Observed.ReleasedPfn = e.Knows(0) ? e[0] : 0;
    }

    public void OnHandlerReturn(EventCursor e, TaskState task)
    {
        if (task.Abort is not { Returned: false } abort)
        {
            return;
        }

        abort.Return = e.Knows(0) ? (int)e[0] : null;
        abort.Observed.ReturnTime = e.Time;
        if (abort is { Return: -14, SawLookup: false, IoAbort: false } && _context.Kinds.Contains(EventKind.HvaToPfn))
        {
            // user_mem_abort finds no VMA and looks nothing up.
            abort.Fact = LookupFact.Forbidden;
        }

        Commit(task, abort);
        abort.Returned = true;
        if (abort.Return is not null)
        {
            abort.Observed.Outcome = _ends.Of(abort);
            abort.Observed.By = abort.Observed.Outcome == FaultOutcome.Unknown ? ObservedBy.Nothing : ObservedBy.HandlerReturn;
            Tell(abort, abort.Observed.Outcome);
        }
    }

    public void OnEntry(EventCursor e, TaskState task)
    {
        if (task.Abort is { } abort)
        {
            _context.Records.FaultEnded(abort.Vm, abort.Gfn, superseded: false);
            Close(task, abort, e.Time, e.Seq, LatencyEnd.Entry);
        }
    }

    /// <summary>The guest ran, so the abort was over before, and with a kvm_entry that is not recorded.</summary>
    public void OnExit(EventCursor e, TaskState task)
    {
        if (task.Abort is { } abort)
        {
            Close(task, abort, -1, e.Seq);
        }
    }

    public void OnUserspaceExit(EventCursor e, TaskState task)
    {
        if (task.Abort is { } abort)
        {
            AbortEnds.SeeExit(abort, e.Knows(0) ? e[0] : null, e.Knows(1) ? (int)e[1] : 0);
            _context.Records.FaultEnded(abort.Vm, abort.Gfn, superseded: false);

            // Without kvm_entry nothing says that the guest did not run meanwhile, unless the exit is the abort's own.
            bool own = _context.Kinds.Contains(EventKind.Entry) || abort.Observed.By == ObservedBy.UserspaceExit;
            Close(task, abort, own ? e.Time : -1, e.Seq, LatencyEnd.Exit);
        }
    }

    public void OnSyscallEdge(TaskState task, long seq, int? result)
    {
        if (task.Abort is not { } abort)
        {
            return;
        }

        if (result is { } errno && !_context.Kinds.Contains(EventKind.UserspaceExit))
        {
            AbortEnds.SeeExit(abort, null, errno);
        }

        Close(task, abort, -1, seq);
    }

    public void Complete(IReadOnlyCollection<TaskState> tasks)
    {
        foreach (TaskState task in tasks.OrderBy(task => task.Pid))
        {
            if (task.Abort is { } abort)
            {
                Close(task, abort, -1, abort.Observed.Seq);
            }

            if (task.Awaited is { } awaited)
            {
                task.Awaited = null;
                End(awaited, FaultOutcome.Unknown);
            }
        }
    }

    private void Supersede(EventCursor e, TaskState task)
    {
        if (task.Abort is { } previous)
        {
            _context.Records.FaultEnded(previous.Vm, previous.Gfn, superseded: true);
            Close(task, previous, -1, e.Seq);
        }
    }

    private void SeeSlot(TaskState task, OpenAbort abort, Memslot seen)
    {
        if ((task.Vm is null || !VmTracker.Holds(abort.Vm, seen)) && (_vms.WithSlot(seen) ?? (task.Vm is null && _vms.IsOnlyOne ? abort.Vm : null)) is { } owner)
        {
            _vms.Attach(task, owner);
            abort.Vm = owner;
        }

        abort.SlotSeen = true;
        abort.Slot = seen;
        abort.Observed.SlotId = seen.Id;
        _memslots.See(abort.Vm, abort.Gfn, 0, seen);
    }

    private void EnterLookup(TaskState task, OpenAbort abort)
    {
        if (abort.LookupEntry == 0)
        {
            Begin(abort, task, lookupSeen: true);
            abort.LookupEntry = _context.Place;
        }

        abort.Last = _context.Place;
    }

    private void Begin(OpenAbort abort, TaskState task, bool lookupSeen = false)
    {
        if (abort.Begun)
        {
            return;
        }

        abort.Begun = true;
        bool lookupsRecorded = _context.Kinds.Contains(EventKind.HvaToPfn) || _context.Kinds.Contains(EventKind.GfnToPfn);
        abort.SlotFact = abort.Nested ? SlotFact.Unknown
            : abort.SlotSeen ? SlotFact.Recorded
            : _context.Kinds.Contains(EventKind.SetRegion) ? MemslotTracker.FactOf(abort.Vm, abort.Gfn, 0)
            : _inference?.SlotOf(abort) ?? SlotFact.Unknown;
        Operation begin = Step(abort, OperationKind.FaultBegin, abort.Observed.Gpa, (ulong)abort.Access, BeginFacts.Make(
            abort.SlotFact,
            lookup: lookupSeen ? OwnStep.Seen : lookupsRecorded ? OwnStep.Missing : OwnStep.NotRecorded));
        begin.D = (ulong)abort.Syndrome.MetLevel;
        begin.After = abort.SnapshotAfter;
        begin.Before = Math.Max(abort.SnapshotAfter, _context.Place);
        _context.Queue.Add(in begin);
    }

    private void SendLookup(OpenAbort abort)
    {
        if (abort.LookupSent || !abort.SawLookup)
        {
            return;
        }

        abort.LookupSent = true;
        bool found = abort.Fact == LookupFact.Found && !SpecialPfn.IsError(abort.LookupPfn) && abort.LookupPfn != 0;
        if (found)
        {
            ulong hva = abort.Hva != 0 ? abort.Hva : abort.Vm.Slots[0].Find(abort.Gfn)?.Hva(abort.Gfn) ?? 0;
            abort.Hva = hva;
            if (!abort.SawFollow)
            {
                _context.Emit(OperationKind.PteKnown, abort.Vm, hva, Memory(HostPte.Make(abort.LookupPfn + abort.LookupOffset, MapWritable(abort), special: false, level: 0), abort).Raw);
            }
            else if (abort.IsRam is not null)
            {
                _context.Emit(OperationKind.PteMemory, abort.Vm, hva, abort.IsRam.Value ? 1UL : 0);
            }
        }

        Operation lookup = Step(abort, OperationKind.FaultLookup, (ulong)abort.Fact);
        lookup.C = _host.ChangedSince(abort.Vm, abort.Hva, abort.LookupEntry) ? 1UL : 0;
        lookup.After = abort.LookupReturn > 0 ? abort.LookupReturn : abort.SnapshotAfter;
        lookup.Before = Math.Max(lookup.After, abort.LeafEntry > 0 ? abort.LeafEntry : _context.Place);
        _context.Queue.Add(in lookup);
    }

    private static HostPte Memory(HostPte pte, OpenAbort abort) => abort.IsRam is { } isRam ? pte.WithMemory(isRam) : pte;

    /// <summary>map_writable: recorded, or shown by the leaf that was made; the host maps writable what a write got.</summary>
    private bool MapWritable(OpenAbort abort) =>
        abort.MapWritable ?? ((abort.Access & FaultAccess.Write) != 0 || (abort.LeafEntry > 0 && (abort.Prot & _context.Options.Prot.Write) != 0));

    /// <summary>The point at which the kernel had decided: the models decide here too.</summary>
    private void Commit(TaskState task, OpenAbort abort)
    {
        if (abort.Committed)
        {
            return;
        }

        abort.Committed = true;
        Begin(abort, task);
        bool lookupsRecorded = _context.Kinds.Contains(EventKind.HvaToPfn);
        LookupFact fact = abort.Fact;
        MapFacts facts = abort.Raced || (abort.Shared && !_ends.LeavesAreRecorded) ? MapFacts.Raced : MapFacts.None;
        if (abort.LookupShown || abort.Fact != LookupFact.None)
        {
            facts |= abort is { MapWritable: null, SawFollow: false, LeafEntry: > 0 } && (abort.Access & FaultAccess.Write) == 0 ? MapFacts.WritableReadOff : MapFacts.None;
            _context.Counts.WritableFromLeaf += (facts & MapFacts.WritableReadOff) != 0 ? 1 : 0;
            SendLookup(abort);
        }
        else if (_inference is not null && !lookupsRecorded)
        {
            fact = _inference.Prepare(abort);
            facts |= abort.OwnWindow ? MapFacts.OwnWindow : MapFacts.None;
        }
        else if (lookupsRecorded && !abort.SawLookup)
        {
            fact = LookupFact.NotMade;
        }

        facts |= abort.LeafEntry > 0 ? MapFacts.Passed : _ends.LeavesAreRecorded ? MapFacts.NotPassed : MapFacts.None;
        facts |= abort is { LookupShown: false } && abort.SlotFact != SlotFact.NoneInferred ? MapFacts.LookupUnseen : MapFacts.None;
        Operation map = Step(abort, OperationKind.FaultMap, (ulong)fact, (ulong)facts, abort.Observed.HasLeaf ? (ulong)abort.Observed.Level : 0);
        long earliest = Math.Max(abort.LookupReturn, abort.SnapshotAfter);
        map.After = abort.LeafEntry > 0 ? abort.LeafEntry : earliest;
        map.Before = abort.LeafEntry > 0 ? abort.LeafEntry : Math.Max(earliest, _context.Place);
        abort.Map = _context.Queue.Hold(in map);
    }

    private void Tell(OpenAbort abort, FaultOutcome outcome)
    {
        if (abort.Map >= 0)
        {
            if (_context.Queue.Has(abort.Map))
            {
                _context.Queue[abort.Map].D = (ulong)outcome + 1;
            }

            _context.Queue.Release(abort.Map);
        }
    }

    private void Close(TaskState task, OpenAbort abort, long endTime, long endSeq, LatencyEnd end = LatencyEnd.None)
    {
        Commit(task, abort);
        task.Abort = null;
        ref ObservedFault observed = ref abort.Observed;
        observed.Vm = abort.Vm.Index;
        observed.Hva = abort.Hva;
        observed.EndSeq = endSeq;
        observed.Nested = abort.Nested;
        observed.Releases = _context.Kinds.Contains(EventKind.Release) ? observed.Releases : -1;
        (long until, observed.LatencyTo) = observed.ReturnTime >= 0 ? (observed.ReturnTime, LatencyEnd.Return) : (endTime, endTime < 0 ? LatencyEnd.None : end);
        observed.Latency = until < observed.Time ? -1 : until - observed.Time;
        observed.LatencyTo = observed.Latency < 0 ? LatencyEnd.None : observed.LatencyTo;
        if (observed.Outcome == FaultOutcome.Unknown)
        {
            observed.Outcome = _ends.Of(abort);
            observed.By = observed.Outcome == FaultOutcome.Unknown ? ObservedBy.Nothing : ObservedBy.HandlerReturn;
        }

        if (observed.Outcome is not FaultOutcome.Fixed)
        {
            observed.HasLeaf = false;
        }

        if (observed is { Hva: 0, Outcome: FaultOutcome.Efault } && abort.SlotFact == SlotFact.Recorded)
        {
            // Without a VMA there is no lookup that shows it.
            observed.Hva = abort.Vm.Slots[0].Find(abort.Gfn)?.Hva(abort.Gfn) ?? 0;
        }

        Tell(abort, observed.Outcome);
        _open.Remove(abort);
        if (AbortEnds.IsOpen(abort) && endTime >= 0)
        {
            task.Awaited = new AwaitedAbort(observed, abort.Pc, abort.Syndrome, abort.Vm.WindowsSeen) { Shared = abort.Shared };
            _awaited.Add(task.Awaited);
        }
        else
        {
            Ended.Add(observed);
        }

        _free.Push(abort);
    }

    private void End(AwaitedAbort awaited, FaultOutcome outcome)
    {
        _awaited.Remove(awaited);
        ObservedFault observed = awaited.Observed;
        observed.Outcome = outcome;
        if (outcome != FaultOutcome.Unknown)
        {
            _context.Counts.OutcomesInferred++;
            observed.By = ObservedBy.NextFault;
        }

        Ended.Add(observed);
    }

    private Operation Step(OpenAbort abort, OperationKind kind, ulong a, ulong b = 0, ulong c = 0)
    {
        Operation step = _context.Make(kind, abort.Vm, a, b, c);
        step.Open = abort.Open;
        step.FaultId = abort.Observed.FaultId;
        return step;
    }
}
