using System.Runtime.InteropServices;
using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models.Arm64;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>
/// The skeleton that all models share: executes the timeline against slots, windows and SPTEs as spec sections 3 and 4
/// say. The rules fill in who holds which reference.
/// </summary>
public sealed partial class FaultModel<TRules, TCounting> : IFaultModel
    where TRules : struct, IFaultRules
    where TCounting : struct, ICounting
{
    private readonly SpteLayout _layout;
    private readonly List<VmState> _vms = [];
    private readonly HostPages _hostPages = new();
    private FaultContext[] _open = new FaultContext[16];

    // Looked at only where TCounting is on.
    private readonly CostCounter _costs;

    // Places of the operation under way; those of scripts are counted.
    private long _after;
    private long _before;
    private long _order;

    public FaultModel(string name, ModelSettings settings, SpteLayout layout, CostCounter? costs = null)
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

    public void Execute(ReadOnlySpan<Operation> operations, List<FaultResult> results)
    {
        foreach (ref readonly Operation op in operations)
        {
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
                    Map(vm, in op, ref _open[op.Open]);
                    EndCounting(in op, in _open[op.Open]);
                    CheckFault(vm, in op, ref _open[op.Open]);
                    Leave(vm, ref _open[op.Open]);
                    Append(results, op.FaultId, in _open[op.Open]);
                    _open[op.Open].Slot = null;
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

    /// <summary>Adds in place: List.Add would copy the result, which is large, twice.</summary>
    private static void Append(List<FaultResult> results, long faultId, in FaultContext fault)
    {
        int last = results.Count;
        CollectionsMarshal.SetCount(results, last + 1);
        ref FaultResult result = ref CollectionsMarshal.AsSpan(results)[last];
        result.FaultId = faultId;
        result.Fault = fault;
    }

    /// <summary>Spec 3.3, steps 1 to 9: fast path, snapshot, slot, first check.</summary>
    private void Begin(VmState vm, in Operation op, ref FaultContext fault)
    {
        // Field by field: an initializer would build the context aside and copy it.
        fault = default;
        fault.Access = (FaultAccess)op.B;
        fault.AsId = op.AsId;
        fault.Gfn = op.A >> 12;
        fault.Level = 1;
        fault.Pfn = SpecialPfn.Fault;
        BeginFacts facts = new(op.C);
        fault.SlotsUnknown = facts.Slot is not (SlotFact.Recorded or SlotFact.MayBeInvalid or SlotFact.SeenInvalid);
        fault.SnapshotAfter = _after;
        fault.SnapshotBefore = _before;
        fault.PassedAfter = long.MinValue;
        fault.SnapshotPlusOne = facts.SnapshotPlusOne;
        fault.LookupMade = facts.LookupMade;
        fault.Open = op.Before == 0 ? -1 : op.Open;
        vm.OpenFaults++;
        vm.Roots = Math.Max(vm.Roots, op.AsId + 1);
        fault.Gva = op.D;
        fault.GetsUnconditionally = Settings.UnconditionalGet;
        fault.AllowsUnsafe = Settings.AllowUnsafeMappings;
        fault.Caller = fault.IsArm64 ? LookupCaller.LegacyFault : LookupCaller.Fault;
        if (Invariants.HasDeferred)
        {
            Invariants.Confirm(op.Vm);
        }

        fault.RestsOn(fault.SlotsUnknown ? Certainty.Inferred : Certainty.Known);
        fault.AmongRefused = facts.Slot == SlotFact.AmongRefused;
        SpteTables sptes = vm.Sptes[op.AsId];
        sptes.IsShadow |= fault.IsShadow;
        fault.MayBeProtected = vm.GuestTables[fault.Gfn] != 0;
        if ((fault.Access & FaultAccess.Reserved) != 0)
        {
            ulong mmio = sptes.Leaf(fault.Gfn, out _);
            Count(CostOperation.WalkTdp, CostOperations.Depth);
            if (SpteLayout.IsMmio(mmio) && SpteLayout.MmioGeneration(mmio) == vm.MmioGeneration)
            {
                fault.Path = FaultPath.MmioCached;
                fault.Kind = PageKind.NoSlot;
                fault.End(FaultOutcome.Emulate);
                return;
            }
        }
        else if ((fault.Access & FaultAccess.Present) != 0 && fault.Write && !fault.IsShadow && !fault.IsArm64 && facts.FastPath != FastPathFact.Over)
        {
            if (facts.FastPath == FastPathFact.Untold)
            {
                fault.RestsOn(Certainty.Assumed);
                fault.End(FaultOutcome.Unknown, FaultReason.OrderUnknown);
                return;
            }

            if (FastPageFault(vm, sptes, ref fault))
            {
                return;
            }
        }

        Count(CostOperation.SeqLoad);
        fault.Seq = vm.Invalidate.Seq;
        fault.RootGeneration = facts.RootStale ? vm.RootGeneration - 1 : vm.RootGeneration;
        fault.RootMayBeStale = facts.RootMayBeStale;
        fault.MmioGeneration = vm.MmioGeneration;
        fault.Slot = facts.Slot is SlotFact.NoneInferred ? null : vm.Slots[op.AsId].Find(fault.Gfn);
        CountSlotLookup(in op, fault.Slot, vm.Slots[op.AsId]);
        if (facts.Slot == SlotFact.Unknown)
        {
            fault.RestsOn(Certainty.Assumed);
            fault.End(FaultOutcome.Unknown, FaultReason.SlotNotRecorded);
            return;
        }

        if (fault.Slot is null)
        {
            fault.Pfn = SpecialPfn.NoSlot;
            fault.Kind = PageKind.NoSlot;
            fault.Path = FaultPath.NoSlot;
            fault.LookedUp = true;
            return;
        }

        if (fault.Slot.Is(MemslotFlags.ReadOnly) && fault.Write)
        {
            // Refused before hva_to_pfn: that there is no lookup says nothing of the check before it.
            fault.LookupMade = OwnStep.NotRecorded;
        }

        bool invalid = fault.Slot.Is(MemslotFlags.Invalid) || facts.Slot == SlotFact.SeenInvalid;
        bool checks = Settings.Prechecks && !fault.IsArm64 && (!invalid || Settings.PrecheckBeforeInvalidSlot);
        Count(CostOperation.PrecheckLoad, checks ? 2 : 0);
        if (checks)
        {
            RetryVerdict verdict = CheckRetry(vm, in fault, _after, _before, out _, beforeLookup: true);
            fault.FirstCheckUndecided = verdict == RetryVerdict.Maybe;
            fault.RetryIn(ByOwnStep(verdict, fault.LookupMade, ref fault), RetryCause.PrecheckBeforeLookup);
            fault.PassedAfter = fault.LookupMade == OwnStep.Seen ? _after : long.MinValue;
        }

        if (!fault.Done && (invalid || facts.Slot == SlotFact.MayBeInvalid))
        {
            fault.SlotMayBeInvalid = invalid ? RetryVerdict.Yes : ByOwnStep(RetryVerdict.Maybe, fault.LookupMade, ref fault);
            fault.RetryIn(fault.SlotMayBeInvalid, RetryCause.SlotInvalid);
        }
    }

    /// <summary>The retry check at a place between two others, over all orders of it and the windows that the records allow.</summary>
    private RetryVerdict CheckRetry(VmState vm, in FaultContext fault, long after, long before, out bool isOpen, bool beforeLookup = false)
    {
        isOpen = false;
        return vm.Places.Count == 0
            ? WindowsUntold ? RetryVerdict.Maybe : RetryVerdict.No
            : vm.Places.Check(
                new CheckPlaces(fault.SnapshotAfter, fault.SnapshotBefore, fault.SnapshotPlusOne, after, before, fault.Open, beforeLookup, beforeLookup ? long.MinValue : fault.PassedAfter),
                RangeUnit(in fault), fault.IsArm64, out isOpen);
    }

    /// <summary>
    /// Where the records of other tasks leave both orders open, the fault's own next step tells on which side its check lies: the
    /// kernel goes on only if the check lets it. Nothing that the others' records decide is changed by it.
    /// </summary>
    private static RetryVerdict ByOwnStep(RetryVerdict verdict, OwnStep next, ref FaultContext fault)
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

    /// <summary>Spec 4.6, direct MMU only: the lockless path for a present leaf that may become writable.</summary>
    private bool FastPageFault(VmState vm, SpteTables sptes, ref FaultContext fault)
    {
        Count(CostOperation.WalkTdp, CostOperations.Depth);
        ulong spte = sptes.Leaf(fault.Gfn, out int level);
        if (!SpteLayout.IsPresent(spte))
        {
            return false;
        }

        if (SpteLayout.IsWritable(spte))
        {
            EndMapped(ref fault, FaultOutcome.Spurious, spte, level);
            fault.Path = FaultPath.Fast;
            return true;
        }

        Memslot? slot = vm.Slots[fault.AsId].Find(fault.Gfn);
        if ((spte & _layout.MmuWritable) == 0 || (level > 1 && slot is not null && slot.Is(MemslotFlags.LogDirty)))
        {
            return false;
        }

        Count(CostOperation.SpteCas);
        spte |= SpteLayout.WriteBit;
        sptes.Set(fault.Gfn, level, spte);
        LogDirty(vm, slot, ref fault);
        EndMapped(ref fault, FaultOutcome.FixedFast, spte, level);
        fault.Path = FaultPath.Fast;
        return true;
    }

    /// <summary>Steps 10 and 11: the lookup, and the second check.</summary>
    private void Lookup(VmState vm, in Operation op, ref FaultContext fault)
    {
        if (fault.Done || fault.LookedUp)
        {
            return;
        }

        fault.LookedUp = true;

        fault.LockReached = op.Kind == OperationKind.FaultLookup ? (OwnStep)op.D : OwnStep.NotRecorded;

        // The recorded snapshot is exact where the position of the event that shows it is not.
        if (op.Kind == OperationKind.FaultLookup && op.B != 0)
        {
            fault.Seq = op.B - 1;
            vm.Invalidate.CatchUp(fault.Seq);
            fault.SnapshotPlusOne = op.B;
            if (fault.FirstCheckUndecided)
            {
                // Now it is known which ends came before it.
                fault.MayRetry = RetryCause.None;
                fault.RetryIn(ByOwnStep(CheckRetry(vm, in fault, fault.SnapshotAfter, fault.SnapshotBefore, out _, beforeLookup: true), fault.LookupMade, ref fault), RetryCause.PrecheckBeforeLookup);
                fault.RetryIn(fault.SlotMayBeInvalid, RetryCause.SlotInvalid);
                if (fault.Done)
                {
                    return;
                }
            }
        }

        Resolve(vm, (LookupFact)op.A, mappingsChange: op.Kind == OperationKind.FaultLookup && op.C != 0, ref fault);
        CountHostWork((LookupFact)op.A, in fault);
        Count(CostOperation.RefPutInLookup, fault.RefsPut);
        if (fault.IsArm64 && !fault.Done)
        {
            Arm64Rules.AfterLookup(ref fault, Pages, Settings);
        }

        if (fault.Done || !Settings.Prechecks || fault.IsArm64)
        {
            return;
        }

        Count(CostOperation.PrecheckLoad, 2);
        fault.RetryIn(ByOwnStep(CheckRetry(vm, in fault, _after, _before, out _), fault.LockReached, ref fault), RetryCause.PrecheckAfterLookup);
        if (fault.Done)
        {
            TRules.ReleaseAtPrecheck(ref fault, Pages);
        }
    }

    /// <summary>Steps 12 to 16: under mmu_lock.</summary>
    private void Map(VmState vm, in Operation op, ref FaultContext fault)
    {
        FaultOutcome? observed = op.D == 0 ? null : (FaultOutcome)(op.D - 1);
        if ((LookupFact)op.A == LookupFact.OrderUnknown && (!fault.Done || fault.RetryCause == RetryCause.PrecheckBeforeLookup))
        {
            fault.RestsOn(Certainty.Assumed);
            fault.RetryCause = RetryCause.None;
            fault.End(FaultOutcome.Unknown, FaultReason.OrderUnknown);
            return;
        }

        MapFacts facts = (MapFacts)op.B;
        fault.WritableReadOff = (facts & MapFacts.WritableReadOff) != 0;
        fault.GuestUntold = (facts & MapFacts.GuestUntold) != 0;
        if ((LookupFact)op.A == LookupFact.SourceUnknown && !fault.Done)
        {
            fault.RestsOn(Certainty.Assumed);
            fault.End(FaultOutcome.Unknown, FaultReason.SourceUnknown);
            GoOnAs(observed, ref fault);
            return;
        }

        fault.OwnLevel = (byte)op.C;
        Lookup(vm, in op, ref fault);
        if (fault.Done)
        {
            GoOnAs(observed, ref fault);
            return;
        }

        fault.UnderLock = true;
        Count(fault.IsShadow ? CostOperation.MmuLockWrite : CostOperation.MmuLockRead, 2);
        if (fault.Slot is not null && fault.RootGeneration == vm.RootGeneration)
        {
            Count(CostOperation.StaleLoad, vm.Invalidate.InProgress > 0 ? 4 : 2);
        }

        CheckHeld(ref fault);
        OwnStep passed = ((MapFacts)op.B & MapFacts.Passed) != 0 ? OwnStep.Seen
            : ((MapFacts)op.B & (MapFacts.NotPassed | MapFacts.LookupUnseen)) == MapFacts.NotPassed ? OwnStep.Missing
            : OwnStep.NotRecorded;
        if (fault.MayRetry != RetryCause.None)
        {
            // An earlier check that was left open: it let the fault through, or this is where it ended.
            RetryCause earlier = fault.MayRetry;
            fault.MayRetry = RetryCause.None;
            fault.RetryIn(ByOwnStep(RetryVerdict.Maybe, passed, ref fault), earlier);
        }

        if (!fault.Done)
        {
            fault.RetryIn(ByOwnStep(CheckRoot(vm, in fault), passed, ref fault), RetryCause.RootObsolete);
        }

        if (!fault.Done && fault.Slot is not null)
        {
            RetryVerdict verdict = ByOwnStep(CheckRetry(vm, in fault, _after, _before, out bool isOpen), passed, ref fault);
            fault.RetryIn(verdict, isOpen ? RetryCause.WindowOpen : RetryCause.SeqMoved);
        }

        if (!fault.Done && fault.MayRetry != RetryCause.None && ((MapFacts)op.B & (MapFacts.NotPassed | MapFacts.LookupUnseen)) == (MapFacts.NotPassed | MapFacts.LookupUnseen))
        {
            // It retried, or its lookup failed for a reason that nothing shows.
            fault.RestsOn(Certainty.Inferred);
            fault.End(FaultOutcome.Unknown, FaultReason.LookupNotShown);
            GoOnAs(observed, ref fault);
        }

        if (!fault.Done)
        {
            fault.RetryIn(((MapFacts)op.B & MapFacts.Raced) != 0 ? RetryVerdict.Maybe : RetryVerdict.No, RetryCause.LostRace);
            bool install = Installs(observed, in fault);
            if (fault.Slot is null)
            {
                InstallMmio(vm, ref fault, install);
                fault.End(FaultOutcome.Emulate);
            }
            else
            {
                MapLeaf(vm, fault.Slot, ref fault, install, facts);
            }

            GoOnAs(observed, ref fault);
        }

        int puts = fault.RefsPut;
        TRules.Finish(ref fault, Pages);
        if (TRules.FinishesUnderLock)
        {
            Count(CostOperation.RefPutLocked, fault.RefsPut - puts);
            Count(CostOperation.MarkLocked, fault.MarkedAccessed + fault.MarkedDirty);
        }

        fault.UnderLock = false;
    }

    /// <summary>
    /// Whether the fault writes its leaf: not where the kernel retried and some order allows that, nor, in the model of that kernel,
    /// where its records show that it left none.
    /// </summary>
    private bool Installs(FaultOutcome? observed, in FaultContext fault) => observed switch
    {
        null or FaultOutcome.Unknown => true,
        FaultOutcome.Retry when fault.MayRetry != RetryCause.None => false,
        _ => Checks is null || observed is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious or FaultOutcome.Emulate or FaultOutcome.WriteProtected,
    };

    /// <summary>
    /// Of two outcomes that the records allow, the state goes on with the one that the kernel had, if it is one of them. The set itself
    /// is complete before the observation is looked at.
    /// </summary>
    private static void GoOnAs(FaultOutcome? observed, ref FaultContext fault)
    {
        GoOnInGuestsTables(observed, ref fault);
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

    /// <summary>A root that was zapped since the vCPU loaded it is stale.</summary>
    private RetryVerdict CheckRoot(VmState vm, in FaultContext fault)
    {
        RetryVerdict atBegin = fault.RootMayBeStale ? RetryVerdict.Maybe : RetryVerdict.No;
        if (fault.RootGeneration == vm.RootGeneration)
        {
            return atBegin;
        }

        // The zap holds mmu_lock for writing: it lies wholly on one side of the check.
        (long goneAfter, long goneBefore) = vm.RootsGone(fault.RootGeneration);
        return goneBefore <= Math.Max(_after, fault.SnapshotAfter) ? RetryVerdict.Yes : goneAfter >= _before ? atBegin : RetryVerdict.Maybe;
    }

    private ulong RangeUnit(in FaultContext fault) => Settings.HullInHva ? fault.Slot!.Hva(fault.Gfn) : fault.Gfn;

    private static void EndMapped(ref FaultContext fault, FaultOutcome outcome, ulong spte, int level)
    {
        fault.Level = (byte)level;
        fault.Spte = spte;
        fault.Writable = SpteLayout.IsWritable(spte);
        fault.Pfn = SpteLayout.Pfn(spte) + (fault.Gfn & (Levels.Pages(level) - 1));
        fault.End(outcome);
    }

    private VmState Vm(int index)
    {
        while (_vms.Count <= index)
        {
            _vms.Add(new VmState());
        }

        return _vms[index];
    }
}
