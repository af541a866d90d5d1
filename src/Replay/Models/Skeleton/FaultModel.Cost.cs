using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <content>What spec section 12 counts. Compiled away in a model that does not count.</content>
internal abstract partial class FaultModel<TRules, TCounting>
{
    private protected void Count(CostOperation operation, int times = 1)
    {
        if (TCounting.IsOn)
        {
            _costs.Add(operation, times);
        }
    }

    private void BeginCounting(in Operation op)
    {
        if (TCounting.IsOn)
        {
            _costs.Begin(op.Open);
        }
    }

    private void Enter(int place)
    {
        if (TCounting.IsOn)
        {
            _costs.Enter(place);
        }
    }

    private void EndCounting(in Operation op, in FaultContext fault)
    {
        if (TCounting.IsOn)
        {
            _costs.EndFault(in op, in fault);
        }
    }

    private void EndCounting(in Operation op)
    {
        if (TCounting.IsOn)
        {
            _costs.EndWork(in op);
        }
    }

    private protected void CountSlotLookup(in Operation op, Memslot? found, Memslots slots)
    {
        if (TCounting.IsOn)
        {
            _costs.AddSlotLookup(op.Vm, op.AsId, found, slots.Count);
        }
    }

    /// <summary>One leaf changed by the host, and what that did to its struct page.</summary>
    private protected void CountLeaf(CostOperation operation, PageMarks marks)
    {
        if (TCounting.IsOn)
        {
            _costs.Leaves++;
            _costs.Add(operation, 1);
            CountMarks(marks);
        }
    }

    /// <summary>Each zapped leaf is flushed by the walker that takes it, instead of all by one flush behind them.</summary>
    private protected virtual bool ZapsFlushOneByOne => false;

    private protected void CountZap(PageMarks marks)
    {
        if (TCounting.IsOn)
        {
            CountLeaf(CostOperation.SpteStore, marks);
            _costs.Add(CostOperation.TlbFlush, ZapsFlushOneByOne ? 1 : 0);
        }
    }

    private protected void CountFlushOfZaps()
    {
        if (!ZapsFlushOneByOne)
        {
            CountFlush();
        }
    }

    private protected void CountMarks(PageMarks marks)
    {
        if (TCounting.IsOn)
        {
            _costs.Add(CostOperation.MemmapCheck, (marks & PageMarks.Checked) != 0 ? 1 : 0);
            _costs.Add(CostOperation.PageLine, (marks & PageMarks.Line) != 0 ? 1 : 0);
            _costs.Add(CostOperation.MarkAccessed, (marks & PageMarks.Accessed) != 0 ? 1 : 0);
            _costs.Add(CostOperation.MarkDirty, (marks & PageMarks.Dirty) != 0 ? 1 : 0);
        }
    }

    private protected void CountFlushOfBatch(in Operation op)
    {
        if (TCounting.IsOn)
        {
            _costs.AddFlushOfBatch(in op);
        }
    }

    /// <summary>A flush for the leaves that were changed since the work began.</summary>
    private protected void CountFlush()
    {
        if (TCounting.IsOn && _costs.Leaves > 0)
        {
            _costs.Add(CostOperation.TlbFlush, 1);
        }
    }

    /// <summary>
    /// What the host's memory management did for a lookup (spec 12.1, 12.2). The model does not execute it: it follows from the
    /// path that the lookup took.
    /// </summary>
    private protected void CountHostWork(LookupFact fact, in FaultContext fault)
    {
        if (!TCounting.IsOn || fault.Path is FaultPath.None or FaultPath.GuestMemfd)
        {
            return;
        }

        bool upgrade = !fault.Slot.Is(MemslotFlags.ReadOnly);
        bool got = fault.RefsGot > 0;
        Count(CostOperation.WalkFast, fault.Write || upgrade ? CostOperations.Depth : 0);
        if (fault.Path == FaultPath.GupFast || fact == LookupFact.LockKilled)
        {
            return;
        }

        CountVmaStep();
        if (fault.Path == FaultPath.GupSlow && (got || fact is LookupFact.Poisoned or LookupFact.AsyncQueued or LookupFact.Interrupted))
        {
            CountWalk(CostOperation.WalkSlow, again: fact == LookupFact.FaultedIn);
            Count(CostOperation.HostFault, fact == LookupFact.FaultedIn ? 1 : 0);
            if (got && !fault.Write && upgrade)
            {
                // A second fast lookup, in the hope for a writable page; what it finds replaces what is held.
                Count(CostOperation.WalkFast, CostOperations.Depth);
                Count(CostOperation.RefGet, fault.MapWritable ? 1 : 0);
                Count(CostOperation.RefPut, fault.MapWritable ? 1 : 0);
                Count(CostOperation.RefPutInLookup, fault.MapWritable ? 1 : 0);
            }

            return;
        }

        if (Settings.PoisonLookup)
        {
            Count(CostOperation.PoisonLookup);
            CountVmaStep();
        }

        CountVmaStep();
        if (fault.Path == FaultPath.Remapped)
        {
            bool driver = fact is LookupFact.FaultedIn or LookupFact.DriverRefused;
            CountWalk(CostOperation.WalkRemapped, again: fact == LookupFact.FaultedIn);
            Count(CostOperation.DriverFault, driver ? 1 : 0);
        }
    }

    private protected void CountMemtype(ulong pfn)
    {
        if (TCounting.IsOn)
        {
            _costs.Add(Pages.StructPage(pfn).Valid ? CostOperation.MemtypeFlag : CostOperation.MemtypeSearch, 1);
        }
    }

    private protected void CountContext(in FaultContext fault)
    {
        if (TCounting.IsOn)
        {
            _costs.AddContext(in fault);
        }
    }

    private protected void CountVmaStep()
    {
        Count(CostOperation.MmapLock, 2);
        Count(CostOperation.VmaLookup);
    }

    private protected void CountWalk(CostOperation walk, bool again)
    {
        int times = again ? 2 : 1;
        Count(walk, times * CostOperations.Depth);
        Count(CostOperation.PageTableLock, times);
    }
}
