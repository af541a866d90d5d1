using System.Runtime.CompilerServices;
using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <content>Spec 11: what is checked when a fault ends.</content>
internal abstract partial class FaultModel<TRules, TCounting>
{
    // Which leaf a fault last installed for a pfn: gfn, address space and VM. Only read when the page is freed.
    private readonly RadixTable _leafOf = new();

    public InvariantTally Invariants { get; } = new();

    public bool TakeDirtyLog(int vm, int asId, ulong gfn)
    {
        bool logged = Vm(vm).DirtyLog[asId][gfn] != 0;
        Vm(vm).DirtyLog[asId][gfn] = 0;
        return logged;
    }

    private void CheckFault(VmState vm, in Operation op, ref FaultContext fault)
    {
        Invariants.Count(CheckPoint.FaultEnd);
        CheckReferences(ref fault);
        PageSlot slot = fault.Slot;
        if (fault.Outcome is FaultOutcome.Fixed or FaultOutcome.FixedFast or FaultOutcome.Spurious)
        {
            slot = slot.Exists ? slot : PageSlot.Of(vm.Slots[fault.AsId].Find(fault.Gfn), fault.Gfn);
            if (slot.Exists)
            {
                CheckLeaf(vm, in slot, op.Vm, ref fault);
            }
        }
        else
        {
            CheckUnmapped(vm, ref fault);
        }

        if (fault.Path == FaultPath.Remapped && fault.Kind is PageKind.P3 or PageKind.P4 or PageKind.P7 or PageKind.P7Tail && !fault.SlotsUnknown)
        {
            Invariants.Count(CheckPoint.NonCompoundBlock);
            ulong pfn = fault.ReleasePfn;
            bool tail = fault.Kind is PageKind.P4 or PageKind.P7Tail;
            if (Pages.Kind(pfn) == fault.Kind && Pages.Count(pfn) > 0 == tail)
            {
                fault.Violate(InvariantList.CountShape);
            }
        }

        if (!TRules.MarksUnderLock)
        {
            fault.Violated &= ~(1UL << InvariantList.MarkUnderLock);
        }

        if (fault.SlotsUnknown)
        {
            // What is inferred can be wrong: it blames nobody for certain.
            fault.Violable |= fault.Violated;
            fault.Violated = 0;
        }

        fault.Violable &= ~fault.Violated;
        if ((fault.Violated | fault.Violable) != 0)
        {
            Invariants.CountFault(fault.Violated, fault.Violable);
        }
    }

    /// <summary>mmu_lock is taken: the page that get_user_pages returned must still be KVM's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected void CheckHeld(ref FaultContext fault)
    {
        if (fault.Path is not (FaultPath.GupFast or FaultPath.GupSlow or FaultPath.GuestMemfd))
        {
            return;
        }

        Invariants.Count(CheckPoint.GupSucceeded);
        if (fault.HoldsRef)
        {
            return;
        }

        if (TRules.ReleasesInLookup)
        {
            Invariants.CountByDesign(InvariantList.RefHeld);
        }
        else
        {
            fault.Violate(InvariantList.RefHeld);
        }
    }

    private void CheckReferences(ref FaultContext fault)
    {
        if (fault.RefsGot != fault.RefsPut && !fault.HoldsRef)
        {
            fault.Violate(InvariantList.RefBalance);
        }

        if (fault.RefsPut > fault.RefsGot)
        {
            fault.Violate(InvariantList.RefNoPutUnowned);
        }

        if (fault.RefsGot > 0)
        {
            Invariants.Count(CheckPoint.ReferenceTaken);
        }

        if (fault.RefsPut > 0)
        {
            Invariants.Count(CheckPoint.ReferencePut);
        }

        if (fault.MarkedAccessed + fault.MarkedDirty > 0)
        {
            Invariants.Count(CheckPoint.Marked);
            if (fault.Path == FaultPath.Remapped)
            {
                fault.Violate(InvariantList.AdRefcountedOnly);
            }

            if (Pages.Kind(fault.ReleasePfn).StructPage().Reserved)
            {
                fault.Violate(InvariantList.AdNotReserved);
            }

            if (fault.MarkedDirty > 0)
            {
                Invariants.Count(CheckPoint.MarkedDirty);
            }
        }
    }

    private void CheckLeaf(VmState vm, in PageSlot slot, int vmIndex, ref FaultContext fault)
    {
        Invariants.Count(CheckPoint.LeafMapped);
        if (fault.Writable && slot.Is(MemslotFlags.ReadOnly))
        {
            fault.Violate(InvariantList.ReadOnlySlotNotWritable);
        }

        ulong mask = Levels.Pages(fault.Level) - 1;
        if (fault.Outcome != FaultOutcome.Spurious && fault.Writable && slot.Is(MemslotFlags.LogDirty))
        {
            Invariants.Count(CheckPoint.LogDirtyWritable);
            if (!fault.SlotDirtied)
            {
                fault.Violate(InvariantList.DirtyLogged);
            }
        }

        if (fault is { Outcome: FaultOutcome.Fixed, Path: not FaultPath.AccessFlag })
        {
            CheckInstalled(vm, in slot, vmIndex, mask, ref fault);
        }

        if (!fault.LookedUp || fault.SlotsUnknown)
        {
            return;
        }

        HostPte host = vm.Memory.Pte(slot.Hva);
        if (host.Present)
        {
            Invariants.Count(CheckPoint.HostLeafKnown);
            if (SpteLayout.Pfn(fault.Spte) + (fault.Gfn & mask) != host.Pfn)
            {
                fault.Break(InvariantList.PfnEqual, certain: vm.Doubtful[fault.Gfn] == 0);
            }

            if (host.Level != 0 && fault.Level > host.Level && fault.Outcome == FaultOutcome.Fixed)
            {
                // A capture shows the host's level as a lower bound only (spec 8.3).
                fault.Violable |= 1UL << InvariantList.LevelHost;
            }
        }
    }

    private void CheckInstalled(VmState vm, in PageSlot slot, int vmIndex, ulong mask, ref FaultContext fault)
    {
        Invariants.Count(CheckPoint.LeafInstalled);
        bool writable = SpteLayout.IsWritable(fault.Spte);
        bool mmuWritable = (fault.Spte & _layout.MmuWritable) != 0;
        if ((fault.Writable && !fault.MapWritable) || (writable && !mmuWritable) || (mmuWritable && (fault.Spte & _layout.HostWritable) == 0))
        {
            fault.Violate(InvariantList.ReadOnlyHostNotWritable);
        }

        if (fault.Level > slot.MaxLevel)
        {
            fault.Violate(InvariantList.LevelSlot);
        }

        if (fault.Level > 1 && fault.Writable && slot.Is(MemslotFlags.LogDirty))
        {
            fault.Violate(InvariantList.LevelLogging);
        }

        if (((fault.Pfn ^ fault.Gfn) & mask) != 0 || (SpteLayout.Pfn(fault.Spte) & mask) != 0)
        {
            fault.Violate(InvariantList.PfnAligned);
        }

        if (vm.Invalidate.Seq != fault.Seq || vm.Windows.Covers(slot.Hva))
        {
            // Where the places of the windows leave both orders open, or say the contrary, the order of the operations proves nothing.
            RetryVerdict verdict = CheckRetry(vm, in fault, _after, _before, out _);
            if (verdict != RetryVerdict.No)
            {
                bool certain = verdict == RetryVerdict.Yes && vm.Windows.Listed == vm.Invalidate.InProgress;
                fault.Break(InvariantList.NoInstallAcross, certain);
                vm.Doubtful[fault.Gfn] = certain ? 0UL : 1;
            }
        }

        _leafOf[SpteLayout.Pfn(fault.Spte)] = (1UL << 63) | ((ulong)(vmIndex & 0x3ff) << 53) | ((ulong)fault.AsId << 52) | fault.Gfn;
    }

    private void CheckUnmapped(VmState vm, ref FaultContext fault)
    {
        switch (fault.Outcome)
        {
            case FaultOutcome.Efault when fault.Caller != LookupCaller.VcpuMap:
                Invariants.Count(CheckPoint.Refused);
                if (fault.Path == FaultPath.Remapped && fault.Kind is not (PageKind.N or PageKind.Unknown))
                {
                    fault.Violate(InvariantList.NoSpuriousEfault);
                }

                break;
            case FaultOutcome.Retry or FaultOutcome.Async:
                Invariants.Count(CheckPoint.Retried);
                if (fault.RetryCause == RetryCause.None)
                {
                    fault.Violate(InvariantList.Progress);
                }
                else if (fault.RetryCause == RetryCause.WindowOpen && vm.Windows.Listed == 0)
                {
                    // A probe read a window in progress whose start the trace does not show.
                    fault.Break(InvariantList.Progress, certain: false);
                }

                break;
            case FaultOutcome.Emulate when fault.Path == FaultPath.MmioCached:
                Invariants.Count(CheckPoint.MmioFromCache);
                if (vm.Slots[fault.AsId].Find(fault.Gfn) is not null)
                {
                    fault.Violate(InvariantList.MmioGeneration);
                }

                break;
        }
    }
}
