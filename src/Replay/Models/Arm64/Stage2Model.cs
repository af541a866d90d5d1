using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Arm64;

/// <summary>arm64's fault handler: kvm_handle_guest_abort, user_mem_abort, and what becomes of stage-2 leaves (spec 7).</summary>
internal sealed partial class Stage2Model<TRules, TCounting>(string name, ModelSettings settings, SpteLayout layout, CostCounter? costs = null)
    : FaultModel<TRules, TCounting>(name, settings, layout, costs)
    where TRules : struct, IFaultRules
    where TCounting : struct, ICounting
{
    /// <summary>mmu_invalidate_retry: any window of the VM, wherever it lies.</summary>
    private protected override bool ChecksAnyRange => true;

    /// <summary>The TLBI is in the walker. (A CPU with FEAT_TLBIRANGE and S2FWB puts it off to the end since 6.6; the trace does not tell.)</summary>
    private protected override bool ZapsFlushOneByOne => true;

    /// <summary>B12: every error pfn but poison ends in EFAULT; x86 emulates the write.</summary>
    private protected override FaultOutcome OfReadOnlyLeaf => FaultOutcome.Efault;

    /// <summary>kvm_handle_guest_abort: the memslot decides first, then the access flag; the snapshot is taken before the lookup.</summary>
    private protected override void Begin(VmState vm, in Operation op, ref FaultContext fault)
    {
        BeginFacts facts = new(op.C);
        Start(vm, in op, facts, ref fault);
        fault.Caller = LookupCaller.LegacyFault;
        fault.MetLevel = (byte)op.D;
        Memslot? slot = facts.Slot is SlotFact.NoneInferred ? null : vm.Slots[op.AsId].Find(fault.Gfn);
        fault.Slot = PageSlot.Of(slot, fault.Gfn);
        CountSlotLookup(in op, slot, vm.Slots[op.AsId]);
        if (facts.Slot == SlotFact.Unknown)
        {
            fault.RestsOn(Certainty.Assumed);
            fault.End(FaultOutcome.Unknown, FaultReason.SlotNotRecorded);
            return;
        }

        // gfn_to_hva does not see a memslot that is INVALID.
        bool invalid = fault.Slot.Exists && (fault.Slot.Is(MemslotFlags.Invalid) || facts.Slot == SlotFact.SeenInvalid);
        if (!invalid && facts.Slot == SlotFact.MayBeInvalid)
        {
            if (facts.LookupMade == OwnStep.NotRecorded)
            {
                fault.RestsOn(Certainty.Assumed);
                fault.End(FaultOutcome.Unknown, FaultReason.OrderUnknown);
                return;
            }

            fault.ByOwnStep = true;
            invalid = facts.LookupMade == OwnStep.Missing;
        }

        if (!fault.Slot.Exists || invalid)
        {
            EndWithoutMemory(ref fault, FaultReason.None);
        }
        else if (fault.Slot.Is(MemslotFlags.ReadOnly) && fault.Write)
        {
            EndWithoutMemory(ref fault, FaultReason.ReadOnlySlot);
        }
        else if ((fault.Access & FaultAccess.AccessFlag) != 0)
        {
            EndAccessFlag(vm, ref fault);
        }
        else
        {
            if (fault.SlotsUnknown && fault.MetLevel == 0)
            {
                // Where memslots are inferred no window shows which leaves it took; that the CPU met none does.
                vm.Sptes[op.AsId].Set(fault.Gfn, 1, 0);
            }

            // The VMA is looked at before the lookup, for the block size and what kind of memory it is.
            CountVmaStep();
            Count(CostOperation.SeqLoad);
            fault.Seq = vm.Invalidate.Seq;
        }
    }

    /// <summary>io_mem_abort, and what comes before it: the access meets no memory that it may use.</summary>
    private static void EndWithoutMemory(ref FaultContext fault, FaultReason reason)
    {
        bool noMemory = reason == FaultReason.None;
        fault.Slot = noMemory ? default : fault.Slot;
        fault.Pfn = noMemory ? SpecialPfn.NoSlot : SpecialPfn.ReadOnlyFault;
        fault.Kind = noMemory ? PageKind.NoSlot : PageKind.Unknown;
        fault.Path = noMemory ? FaultPath.NoSlot : FaultPath.None;
        fault.LookedUp = true;
        if ((fault.Access & FaultAccess.Exec) != 0)
        {
            fault.End(FaultOutcome.Abort, FaultReason.ExecWithoutMemory);
        }
        else if ((fault.Access & FaultAccess.TableWalk) != 0)
        {
            fault.End(FaultOutcome.Abort, FaultReason.TableWalkWithoutMemory);
        }
        else if ((fault.Access & FaultAccess.NoSyndrome) != 0 && !(noMemory && (fault.Access & FaultAccess.CacheMaintenance) != 0))
        {
            fault.End(FaultOutcome.Enosys, FaultReason.NoValidSyndrome);
        }
        else
        {
            fault.End(FaultOutcome.Emulate, reason);
        }
    }

    /// <summary>kvm_access_fault: the leaf's access flag is set; up to 6.12 its page is marked accessed.</summary>
    private void EndAccessFlag(VmState vm, ref FaultContext fault)
    {
        Count(CostOperation.MmuLockRead, 2);
        SpteTables sptes = vm.Sptes[fault.AsId];
        ulong leaf = sptes.Leaf(fault.Gfn, out int level);
        fault.Path = FaultPath.AccessFlag;
        fault.LookedUp = true;
        if (!SpteLayout.IsPresent(leaf))
        {
            // Gone since the CPU walked, or older than the trace: the guest goes on either way.
            fault.Level = Math.Max((byte)1, fault.MetLevel);
            fault.Pfn = SpecialPfn.MadeUp(fault.Gfn);
            fault.End(FaultOutcome.Fixed);
            return;
        }

        sptes.Set(fault.Gfn, level, leaf | Stage2Leaf.AccessFlag);
        Count(CostOperation.SpteCas);
        EndMapped(ref fault, FaultOutcome.Fixed, leaf | Stage2Leaf.AccessFlag, level);
        if (TRules.MarksAtAccessFlag)
        {
            fault.LookupPfn = fault.Pfn;
            if (fault.FindStructPage(Pages, fault.Pfn).IsRefcounted)
            {
                fault.MarkAccessed(Pages, fault.Pfn);
            }
        }
    }

    /// <summary>One lookup, which may sleep; then what can be refused without mmu_lock.</summary>
    private protected override void Lookup(VmState vm, in Operation op, ref FaultContext fault)
    {
        if (fault.Done || fault.LookedUp)
        {
            return;
        }

        fault.LookedUp = true;
        Resolve(vm, (LookupFact)op.A, mappingsChange: op.Kind == OperationKind.FaultLookup && op.C != 0, ref fault);
        CountHostWork((LookupFact)op.A, in fault);
        Count(CostOperation.RefPutInLookup, fault.RefsPut);
        if (fault.Done)
        {
            return;
        }

        if (Settings.RefusesCacheablePfnMap && fault.Path == FaultPath.Remapped && !IsDevice(in fault))
        {
            // With such memory behind it the memslot would not be there.
            fault.RestsOn(Certainty.Assumed);
            EndWithoutMemory(ref fault, FaultReason.None);
            fault.Reason = FaultReason.SlotRefused;
        }
        else if ((fault.Access & FaultAccess.Exec) != 0 && IsDevice(in fault))
        {
            if (fault.HoldsRef && !Settings.LeaksOnEarlyExit)
            {
                fault.Put(Pages, fault.ReleasePfn);
            }

            fault.HoldsRef = false;
            fault.End(FaultOutcome.Abort, FaultReason.ExecFromDevice);
        }
    }

    /// <summary>Memory that the kernel does not have in its own map (pfn_is_map_memory), with a struct page or without.</summary>
    private static bool IsDevice(in FaultContext fault) => fault.Kind is PageKind.P0 or PageKind.P5 or PageKind.P8 or PageKind.H;
}
