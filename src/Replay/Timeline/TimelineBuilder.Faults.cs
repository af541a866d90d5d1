using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline;

/// <content>Assembling one fault per vCPU thread (spec 15.1).</content>
internal sealed partial class TimelineBuilder
{
    private const int MaxOpenFaults = FaultLimits.MaxOpen;
    private const int Efault = -14;
    private const int Eintr = -4;

    private readonly Stack<OpenFault> _freeFaults = new();
    private long _nextFaultId;

    private void OnPageFault(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is { } previous)
        {
            Records.FaultEnded(previous.Vm, previous.Observed.Gpa >> 12, superseded: true);
            Close(thread, previous, -1, e.Seq);
        }

        OpenFault? fault = Open(e, thread, e[0], AccessOf(e[1], _options.Intel));
        fault?.Observed.Vcpu = e.Knows(2) ? (int)e[2] : -1;
        if (_inferred is not null && fault is not null)
        {
            // Nothing shows where the kernel takes its snapshot: at the first moment that it can.
            Attach(thread, fault.Vm);
            fault.AtBegin = Mark(fault);
            Begin(fault);
        }
    }

    private OpenFault? Open(EventCursor e, ThreadState thread, ulong gpa, FaultAccess access)
    {
        if (!_freeFaults.TryPop(out OpenFault? fault))
        {
            Counts.FaultsDropped++;
            return null;
        }

        fault.Reset();
        fault.Vm = VmOf(thread);
        fault.Access = access;
        fault.Observed.FaultId = _nextFaultId++;
        fault.Observed.Seq = e.Seq;
        fault.Observed.Time = e.Time;
        fault.Observed.Pid = e.Pid;
        fault.Observed.AsId = thread.AsId;
        fault.Observed.SlotId = -1;
        fault.Observed.Vcpu = -1;
        fault.Observed.Gpa = gpa;
        fault.Observed.Access = access;
        thread.Fault = fault;
        return fault;
    }

    private void OnTdpFault(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is null && !e.Knows(0))
        {
            Counts.EventsUntold++;
            return;
        }

        if (thread.Fault is null && Open(e, thread, e[0], FaultAccess.Prefetch) is { } prefetch)
        {
            // The completion of an async page fault has no kvm_page_fault (shared/traces, trap 7): not a fault of the guest's.
            prefetch.Prefetch = true;
            _nextFaultId--;
            prefetch.Observed.FaultId = -1;
            Counts.PrefetchFaults++;
        }

        if (thread.Fault is { } fault)
        {
            fault.SawTdpFault = true;
        }
    }

    private void OnFastPageFault(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { } fault)
        {
            return;
        }

        Begin(fault);
        if (!e.Knows(2))
        {
            fault.FastUntold = true;
            return;
        }

        fault.FastReturn = (int)e[2];
        if (e.Knows(1) && (fault.FastReturn == _options.Codes.Fixed || fault.FastReturn == _options.Codes.Spurious))
        {
            SeeLeaf(fault, e[1], 0);
            Commit(fault, exact: true);
        }
    }

    private void OnFaultin(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { } fault)
        {
            return;
        }

        if (!fault.SawTdpFault && _kinds.Contains(EventKind.TdpFault))
        {
            // Shadow paging: the fault address is the guest's virtual one, the gfn is the walk's result.
            fault.Observed.Shadow = true;
            fault.Access |= FaultAccess.Shadow;
            fault.Gva = fault.Observed.Gpa;
            fault.Observed.Gpa = (e[0] << 12) | (fault.Observed.Gpa & 0xfff);
        }

        LearnSlot(e, thread, fault);
        Begin(fault);
        fault.AtFaultin = Mark(fault);
    }

    /// <summary>The faultin probe shows the slot that the kernel found; a slot the trace did not show before is learned here.</summary>
    private void LearnSlot(EventCursor e, ThreadState thread, OpenFault fault)
    {
        // Where the lookup found no slot, the probe reads through a NULL pointer and records what lay in its buffer.
        ulong pages = e[4];
        if (pages > 1UL << 40 || e[0] - e[3] >= pages)
        {
            return;
        }

        Memslot seen = new(thread.AsId, (short)e[1], e[3], pages, e[5], (MemslotFlags)(uint)e[2]);
        if (thread.Vm is null)
        {
            VmTrack? owner = _vms.Find(vm => vm.Slots[seen.AsId].Find(seen.BaseGfn) is { } slot && slot.UserspaceAddr == seen.UserspaceAddr);
            if (owner is not null || _vms.Count <= 1)
            {
                Attach(thread, owner ?? fault.Vm);
                fault.Vm = thread.Vm!;
            }
        }

        fault.Slot = seen;
        fault.Observed.SlotId = seen.Id;
        Memslot? known = fault.Vm.Slots[seen.AsId].Find(seen.BaseGfn);
        if (seen.Is(MemslotFlags.Invalid) || thread.Region is not null || known == seen)
        {
            return;
        }

        if (known is not null && known with { Flags = seen.Flags } == seen && (known.Flags ^ seen.Flags) == MemslotFlags.Invalid)
        {
            return;
        }

        Counts.SlotsFromFaults++;
        PutSlot(fault.Vm, seen);
    }

    private static void OnHvaToPfn(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { Committed: false } fault)
        {
            return;
        }

        fault.InLookup = true;
        fault.SawFollow = false;
        fault.Hva = e[0];
        fault.Fact = LookupFact.None;
        fault.LookupPfn = 0;
        fault.AtLookup = Mark(fault);
    }

    private static void OnFollowPfn(ThreadState thread) => thread.Fault?.SawFollow = thread.Fault.InLookup;

    private void OnFollowPfnReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { InLookup: true } fault || (int)e[0] != 0)
        {
            return;
        }

        fault.Fact = LookupFact.Found;
        if (e.Knows(1) && e.Knows(2))
        {
            Emit(OperationKind.PteKnown, fault.Vm, fault.Hva, HostPte.Make(e[1], (e[2] & 1) != 0, special: true).Raw);
            return;
        }

        // 6.1: the probe shows that there is a leaf, the driver's insertion showed its pfn, mprotect what may be done with it.
        ulong inserted = fault.Vm.InsertedPfns[fault.Hva >> 12];
        if (inserted != 0)
        {
            bool writable = IsSharedWritable(fault.Vm.Memory.FindVma(fault.Hva)?.Flags ?? VmaFlags.None);
            Emit(OperationKind.PteKnown, fault.Vm, fault.Hva, HostPte.Make(inserted - 1, writable, special: true).Raw);
        }
    }

    private static void OnFixupReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is { InLookup: true } fault && (int)e[0] != 0)
        {
            fault.Fact = LookupFact.DriverRefused;
        }
    }

    private static void OnHvaToPfnReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { InLookup: true } fault)
        {
            return;
        }

        fault.InLookup = false;
        fault.LookupPfn = e[0];
        fault.AtLookupReturn = Mark(fault);
        fault.Fact = e[0] switch
        {
            SpecialPfn.HwPoison => LookupFact.Poisoned,
            SpecialPfn.SignalPending => LookupFact.Interrupted,
            SpecialPfn.NeedsIo => LookupFact.None,
            SpecialPfn.Fault when !fault.SawFollow => LookupFact.Forbidden,
            _ when SpecialPfn.IsError(e[0]) => fault.Fact,
            _ => LookupFact.Found,
        };
    }

    private static void OnTryAsync(ThreadState thread) => thread.Fault?.AsyncQueued = true;

    private void OnFaultinReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { Committed: false } fault)
        {
            return;
        }

        fault.FaultinReturned = true;
        fault.AtFaultinReturn = Mark(fault);
        if (e.Knows(1) && fault.Begun && Moved(fault.AtFaultin, fault.AtFaultinReturn))
        {
            BeginAfterEndsBefore(fault, e[1]);
        }

        // Without map_writable (6.1) the lookup waits for the SPTE to show it; that setting has no check in between.
        if (e.Knows(3) && fault.AtLookupReturn >= 0)
        {
            SendLookup(fault, (e[3] & 1) != 0, e.Knows(1) ? e[1] + 1 : 0);
        }
    }

    private void OnSpteRequested(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { Committed: false } fault)
        {
            return;
        }

        if (!fault.Requested)
        {
            fault.Requested = true;
            _requested.Add(fault);
        }

        if (fault.LookupPfn == 0 && !SpecialPfn.IsError(e[1]) && e[1] != SpecialPfn.NoSlot)
        {
            fault.LookupPfn = e[1];
            fault.Fact = LookupFact.Found;
        }

        fault.Observed.Level = Math.Clamp((int)(byte)e[2], 1, 3);
    }

    private void OnSetSpte(EventCursor e, ThreadState thread)
    {
        int level = (int)(byte)e[2];
        if (_inferred is not null && thread.Fault is null && level is 1 or 2 or 3)
        {
            // The completion of an async page fault: nothing else of it is recorded.
            LearnLeaf(VmOf(thread), thread.AsId, e[0], e[1], level, fault: -1, stands: true);
            return;
        }

        if (thread.Fault is not { Committed: false } fault || level is 0 or > 3 || (e[0] ^ (fault.Observed.Gpa >> 12)) >= Levels.Pages(level))
        {
            return;
        }

        SeeLeaf(fault, e[1], level);
        fault.Observed.By = ObservedBy.SetSpte;
        Records.Installed(fault.Vm, fault.Observed.AsId, fault.Observed.Gpa >> 12, _openWindows);
        Commit(fault, exact: true);
    }

    private void MarkRaced(OpenFault installer, ulong gfn, int level)
    {
        foreach (OpenFault other in _requested)
        {
            if (other != installer && other.Vm == installer.Vm && ((other.Observed.Gpa >> 12) ^ gfn) < Levels.Pages(level))
            {
                // Also of one that has made its choice: the record of an install follows the install.
                other.LeafRaced = true;
                other.Observed.OrderAmbiguous |= other.Committed;
            }
        }
    }

    private void OnMmio(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { } fault)
        {
            return;
        }

        if (fault.Observed.By == ObservedBy.Nothing)
        {
            fault.Observed.By = ObservedBy.Mmio;
        }

        Commit(fault, exact: e.Kind == EventKind.MarkMmioSpte);
    }

    private void OnRelease(EventCursor e, ThreadState thread)
    {
        // Behind the handler's return the task may look pages up for other reasons (emulation, kvm_vcpu_map).
        if (thread.Fault is not { SawReturn: false } fault)
        {
            return;
        }

        fault.Observed.Releases++;
        fault.Observed.ReleasedPfn = e.Knows(0) ? e[0] : 0;
        if (fault.FaultinReturned)
        {
            Commit(fault, exact: false);
        }
    }

    private void OnTdpFaultReturn(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { } fault)
        {
            return;
        }

        fault.SawReturn = e.Knows(0);
        fault.ReturnUntold = !fault.SawReturn;
        fault.Return = (int)e[0];
        Commit(fault, exact: false);
        if (fault.Prefetch)
        {
            Close(thread, fault, -1, e.Seq);
        }
    }

    private void OnEntry(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is { } fault)
        {
            if (fault.Observed.By == ObservedBy.Nothing)
            {
                fault.Observed.By = ObservedBy.Entry;
            }

            Records.FaultEnded(fault.Vm, fault.Observed.Gpa >> 12, superseded: false);
            Close(thread, fault, e.Time, e.Seq);
        }
    }

    private void OnUserspaceExit(EventCursor e, ThreadState thread)
    {
        if (thread.Fault is not { } fault)
        {
            return;
        }

        int errno = (int)e[1];
        fault.ReturnUntold |= !e.Knows(1);
        if (!fault.SawReturn && errno is Efault or Eintr)
        {
            fault.Observed.Outcome = errno == Efault ? FaultOutcome.Efault : FaultOutcome.Eintr;
            fault.Observed.By = ObservedBy.UserspaceExit;
        }

        Records.FaultEnded(fault.Vm, fault.Observed.Gpa >> 12, superseded: false);
        Close(thread, fault, e.Time, e.Seq);
    }
}
