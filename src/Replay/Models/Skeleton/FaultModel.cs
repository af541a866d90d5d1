using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>
/// What all models of all architectures share: executes the timeline against slots, windows, leaves and pages. The rules say who holds
/// which reference; an architecture's fault handler is in a folder of its own (X86, Arm64).
/// </summary>
internal abstract partial class FaultModel<TRules, TCounting> : IFaultModel
    where TRules : struct, IFaultRules
    where TCounting : struct, ICounting
{
    // Operations that are fetched ahead into the cache.
    private const int Ahead = 16;
    private const int CacheLine = 64;

    private protected readonly SpteLayout _layout;
    private readonly List<VmState> _vms = [];

    // The VM of the operation before: nearly always that of the next one, and one compare where the list takes five loads.
    private VmState? _lastVm;
    private int _lastVmIndex = -1;
    private readonly HostPages _hostPages = new();
    private FaultContext[] _open = new FaultContext[16];

    // Looked at only where TCounting is on.
    private readonly CostCounter _costs;

    // Places of the operation under way; those of scripts are counted.
    private protected long _after;
    private protected long _before;
    private long _order;

    private protected FaultModel(string name, ModelSettings settings, SpteLayout layout, CostCounter? costs = null)
    {
        _costs = costs!;
        Name = name;
        Settings = settings;
        _layout = layout;
    }

    public string Name { get; }

    public ModelSettings Settings { get; }

    public PageLedger Pages { get; } = new();

    public ObservationChecks? Checks { get; set; }

    public bool WindowsUntold { get; set; }

    public bool FollowsUntold { get; set; }

    public ulong Leaf(int vm, int asId, ulong gfn, out int level) => Vm(vm).Sptes[asId].Leaf(gfn, out level);

    public unsafe void Execute(ReadOnlySpan<Operation> operations, List<FaultResult> results)
    {
        foreach (ref readonly Operation op in operations)
        {
            if (Sse.IsSupported)
            {
                // What a model does for one operation outlasts the processor's own reading ahead. To ask for what lies behind the last one is no access.
                // Both lines that it may lie in: an operation is longer than one, and every fifth line begins none.
                byte* ahead = (byte*)Unsafe.AsPointer(in op) + (Ahead * sizeof(Operation));
                Sse.Prefetch0(ahead);
                Sse.Prefetch0(ahead + CacheLine);
            }

            VmState vm = Vm(op.Vm);
            (_after, _before) = op.Before != 0 ? (op.After, op.Before) : (++_order, _order);
            switch (op.Kind)
            {
                case OperationKind.FaultBegin:
                    BeginCounting(in op);
                    Begin(vm, in op, ref Open(op.Open));
                    break;
                case OperationKind.FaultLookup:
                    Enter(op.Open);
                    Lookup(vm, in op, ref _open[op.Open]);
                    break;
                case OperationKind.FaultMap:
                    Enter(op.Open);
                    ref FaultContext fault = ref _open[op.Open];
                    Map(vm, in op, ref fault);
                    EndCounting(in op, in fault);
                    CheckFault(vm, in op, ref fault);
                    Leave(vm, ref fault);
                    Append(results, op.FaultId, in fault);
                    break;
                case OperationKind.VcpuMap:
                case OperationKind.VcpuUnmap:
                    BeginCounting(in op);
                    results.Add(new FaultResult { FaultId = -1, Fault = ExecuteCaller(vm, in op, ref Open(op.Open)) });
                    EndCounting(in op);
                    break;
                case OperationKind.PrefetchNeighbours:
                    BeginCounting(in op);
                    results.Add(new FaultResult { FaultId = -1, Fault = PrefetchNeighbours(vm, in op) });
                    EndCounting(in op);
                    break;
                default:
                    Enter(-1);
                    ExecuteHost(vm, in op);
                    EndCounting(in op);
                    break;
            }
        }
    }

    private ref FaultContext Open(int place)
    {
        if (place >= _open.Length)
        {
            Array.Resize(ref _open, Math.Max(place + 1, 2 * _open.Length));
        }

        return ref _open[place];
    }

    /// <summary>The fault begins: what it reads before its lookup, and whether it ends there.</summary>
    private protected abstract void Begin(VmState vm, in Operation op, ref FaultContext fault);

    /// <summary>Its lookup, and what is decided on it before mmu_lock is taken.</summary>
    private protected abstract void Lookup(VmState vm, in Operation op, ref FaultContext fault);

    /// <summary>Under mmu_lock: the last check, the leaf, the end.</summary>
    private protected abstract void Map(VmState vm, in Operation op, ref FaultContext fault);

    /// <summary>The retry check asks for windows over any range, not only over the fault's own.</summary>
    private protected abstract bool ChecksAnyRange { get; }

    /// <summary>A write met a present leaf of a remapped VMA that the host maps read-only: what becomes of the fault.</summary>
    private protected abstract FaultOutcome OfReadOnlyLeaf { get; }

    /// <summary>Memslots have changed.</summary>
    private protected abstract void SlotsChanged(VmState vm);

    /// <summary>A memslot goes (null: one that is not known): what was mapped through it goes, too. Not called where the trace shows that by itself.</summary>
    private protected abstract void ZapSlot(VmState vm, Memslot? slot);

    /// <summary>The host puts another page under a leaf, inside a window (.change_pte, up to 6.9).</summary>
    private protected abstract void ChangePte(VmState vm, ulong hva, HostPte pte, bool recorded);

    /// <summary>Adds in place: List.Add would copy the result, which is large, twice.</summary>
    private static void Append(List<FaultResult> results, long faultId, in FaultContext fault)
    {
        int last = results.Count;
        CollectionsMarshal.SetCount(results, last + 1);
        ref FaultResult result = ref CollectionsMarshal.AsSpan(results)[last];
        result.FaultId = faultId;
        result.Fault = fault;
    }

    /// <summary>What every fault starts with.</summary>
    private protected void Start(VmState vm, in Operation op, BeginFacts facts, ref FaultContext fault)
    {
        // Field by field: an initializer would build the context aside and copy it.
        fault = default;
        fault.Access = (FaultAccess)op.B;
        fault.AsId = op.AsId;
        fault.Gfn = op.A >> 12;
        fault.Level = 1;
        fault.Pfn = SpecialPfn.Fault;
        fault.SlotsUnknown = facts.Slot is not (SlotFact.Recorded or SlotFact.MayBeInvalid or SlotFact.SeenInvalid);
        fault.SnapshotAfter = _after;
        fault.SnapshotBefore = _before;
        fault.PassedAfter = long.MinValue;
        fault.SnapshotPlusOne = facts.SnapshotPlusOne;
        fault.LookupMade = facts.LookupMade;
        fault.Open = op.Before == 0 ? -1 : op.Open;
        vm.OpenFaults++;
        vm.Roots = Math.Max(vm.Roots, op.AsId + 1);
        fault.GetsUnconditionally = Settings.UnconditionalGet;
        fault.AllowsUnsafe = Settings.AllowUnsafeMappings;
        if (Invariants.HasDeferred)
        {
            Invariants.Confirm(op.Vm);
        }

        fault.RestsOn(fault.SlotsUnknown ? Certainty.Inferred : Certainty.Known);
        fault.AmongRefused = facts.Slot == SlotFact.AmongRefused;
    }

    /// <summary>The retry check at a place between two others, over all orders of it and the windows that the records allow.</summary>
    // Inlined by order, as the small steps of a fault are below: native code has no profile by which the compiler would do it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected RetryVerdict CheckRetry(VmState vm, in FaultContext fault, long after, long before, out bool isOpen, bool beforeLookup = false)
    {
        isOpen = false;
        return vm.Places.Count == 0 ? WindowsUntold ? RetryVerdict.Maybe : RetryVerdict.No
            : !vm.Places.MayMeet(fault.SnapshotAfter, fault.SnapshotPlusOne, before) ? RetryVerdict.No
            : CheckWindows(vm, in fault, after, before, out isOpen, beforeLookup);
    }

    // Apart: few faults have a window near, and the many places would be set aside for all of them.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private RetryVerdict CheckWindows(VmState vm, in FaultContext fault, long after, long before, out bool isOpen, bool beforeLookup) => vm.Places.Check(
        new CheckPlaces(fault.SnapshotAfter, fault.SnapshotBefore, fault.SnapshotPlusOne, after, before, fault.Open, beforeLookup, beforeLookup ? long.MinValue : fault.PassedAfter),
        RangeUnit(in fault), ChecksAnyRange, out isOpen);

    /// <summary>
    /// Where the records of other tasks leave both orders open, the fault's own next step tells on which side its check lies: the
    /// kernel goes on only if the check lets it. Nothing that the others' records decide is changed by it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected static RetryVerdict ByOwnStep(RetryVerdict verdict, OwnStep next, ref FaultContext fault)
    {
        if (verdict != RetryVerdict.Maybe || next == OwnStep.NotRecorded)
        {
            return verdict;
        }

        fault.ByOwnStep = true;
        return next == OwnStep.Seen ? RetryVerdict.No : RetryVerdict.Yes;
    }

    /// <summary>The fault is over: of a set of outcomes, the state went on with one.</summary>
    private static void Leave(VmState vm, ref FaultContext fault)
    {
        fault.Outcomes |= (ushort)(1 << (int)fault.Outcome);
        vm.OpenFaults--;
    }

    private long OldestSnapshot()
    {
        long oldest = long.MaxValue;
        foreach (ref readonly FaultContext fault in _open.AsSpan())
        {
            if (fault.SnapshotAfter != 0 && fault.Outcomes == 0)
            {
                oldest = Math.Min(oldest, fault.SnapshotAfter);
            }
        }

        return oldest;
    }

    /// <summary>
    /// Whether the fault writes its leaf: not where the kernel retried and some order allows that, nor, in the model of that kernel,
    /// where its records show that it left none.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected bool Installs(FaultOutcome? observed, in FaultContext fault) => observed switch
    {
        null or FaultOutcome.Unknown => true,
        FaultOutcome.Retry when fault.MayRetry != RetryCause.None => false,
        _ => Checks is null || observed is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious or FaultOutcome.Emulate or FaultOutcome.WriteProtected,
    };

    /// <summary>
    /// Of two outcomes that the records allow, the state goes on with the one that the kernel had, if it is one of them. The set itself
    /// is complete before the observation is looked at.
    /// </summary>
    private protected static void GoOnAs(FaultOutcome? observed, ref FaultContext fault)
    {
        if (fault.MayBeNew || fault.MayBeProtected)
        {
            GoOnInGuestsTables(observed, ref fault);
        }

        if (fault.MayRetry == RetryCause.None || fault.Outcome == FaultOutcome.Retry)
        {
            return;
        }

        fault.Outcomes |= (ushort)((1 << (int)FaultOutcome.Retry) | (1 << (int)fault.Outcome));
        if (observed == FaultOutcome.Retry)
        {
            fault.Outcome = FaultOutcome.Retry;
            fault.RetryCause = fault.MayRetry;
            fault.Reason = FaultReason.None;
        }
    }

    /// <summary>
    /// Where a guest's own tables are shadowed, two more outcomes are open: a write to a gfn that holds one may be emulated, and a leaf of a gfn
    /// may be one of another of the guest's address spaces.
    /// </summary>
    private static void GoOnInGuestsTables(FaultOutcome? observed, ref FaultContext fault)
    {
        if (fault.Outcome is not (FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious))
        {
            return;
        }

        if (fault.MayBeNew)
        {
            fault.Outcomes |= (1 << (int)FaultOutcome.Fixed) | (1 << (int)FaultOutcome.Spurious);
            fault.Outcome = observed is FaultOutcome.Fixed or FaultOutcome.Spurious ? observed.Value : fault.Outcome;
        }

        if (fault is { MayBeProtected: true, Write: true })
        {
            fault.Outcomes |= (ushort)((1 << (int)fault.Outcome) | (1 << (int)FaultOutcome.WriteProtected) | (1 << (int)FaultOutcome.Emulate));
            fault.Outcome = observed is FaultOutcome.WriteProtected or FaultOutcome.Emulate ? observed.Value : fault.Outcome;
        }
    }

    private ulong RangeUnit(in FaultContext fault) => Settings.HullInHva ? fault.Slot.Hva : fault.Gfn;

    private protected static void EndMapped(ref FaultContext fault, FaultOutcome outcome, ulong spte, int level)
    {
        fault.Level = (byte)level;
        fault.Spte = spte;
        fault.Writable = SpteLayout.IsWritable(spte);
        fault.Pfn = SpteLayout.Pfn(spte) + (fault.Gfn & (Levels.Pages(level) - 1));
        fault.End(outcome);
    }

    private VmState Vm(int index) => index == _lastVmIndex ? _lastVm! : FindVm(index);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private VmState FindVm(int index)
    {
        while (_vms.Count <= index)
        {
            _vms.Add(new VmState());
        }

        (_lastVm, _lastVmIndex) = (_vms[index], index);
        return _lastVm;
    }
}
