using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline;

/// <summary>A fault being assembled (spec 15.1). Pooled: reset, not reallocated.</summary>
internal sealed class OpenFault
{
    public ObservedFault Observed;
    public int Open;
    public FaultAccess Access;
    public VmTrack Vm = null!;
    public bool Begun;
    public bool Committed;
    public bool InLookup;
    public bool SawFollow;
    public bool FaultinReturned;
    public bool LookupSent;
    public bool Prefetch;

    /// <summary>Another vCPU's fault installed the same leaf while this one walked: which of the two came first is not recorded.</summary>
    public bool LeafRaced;
    public bool Requested;
    public bool SawTdpFault;
    public bool SawReturn;
    public bool AsyncQueued;
    public int FastReturn;
    public long Return;

    // Recorded, but without its value.
    public bool FastUntold;
    public bool ReturnUntold;
    public ulong Hva;
    public ulong LookupPfn;

    /// <summary>Shadow paging: the guest's virtual address; 0 otherwise.</summary>
    public ulong Gva;
    public LookupFact Fact;
    public Memslot? Slot;

    /// <summary>Where memslots are inferred: what was said of this fault's.</summary>
    public SlotFact SlotFact;

    /// <summary>Nothing shows whether a window had ended when the fault checked.</summary>
    public bool OrderUnknown;

    // Boundary counts at the milestones, for the question whether an order is certain.
    public long AtBegin;
    public long AtFaultin;
    public long AtLookup;
    public long AtLookupReturn;
    public long AtFaultinReturn;

    public void Reset()
    {
        Observed = default;
        Access = FaultAccess.None;
        Begun = Committed = InLookup = SawFollow = FaultinReturned = LookupSent = Prefetch = SawTdpFault = SawReturn = AsyncQueued = LeafRaced = Requested = FastUntold = ReturnUntold = false;
        FastReturn = -1;
        Return = 0;
        Hva = 0;
        Gva = 0;
        LookupPfn = 0;
        Fact = LookupFact.None;
        Slot = null;
        SlotFact = SlotFact.Recorded;
        OrderUnknown = false;
        AtBegin = 0;
        AtFaultin = AtLookup = AtLookupReturn = AtFaultinReturn = -1;
    }
}

/// <summary>Which record showed how a fault ended, best first.</summary>
public enum ObservedBy : byte
{
    Nothing = 0,

    /// <summary>The value that the page-fault handler returned (probe).</summary>
    HandlerReturn,

    /// <summary>errno of kvm_userspace_exit.</summary>
    UserspaceExit,

    /// <summary>fast_page_fault.</summary>
    FastPageFault,

    /// <summary>kvm_mmu_set_spte.</summary>
    SetSpte,

    /// <summary>mark_mmio_spte, handle_mmio_page_fault, kvm_mmio or kvm_emulate_insn.</summary>
    Mmio,

    /// <summary>Nothing but the guest's re-entry: inferred.</summary>
    Entry,
}

/// <summary>What the trace shows of one fault: the row of the <c>faults</c> view.</summary>
public struct ObservedFault
{
    public long FaultId;
    public long Seq;
    public long EndSeq;
    public long Time;

    /// <summary>To the next entry or exit to user space, in the clock's units; -1 if neither came.</summary>
    public long Latency;

    public int Vm;
    public int Vcpu;
    public int Pid;
    public int AsId;
    public int SlotId;
    public ulong Gpa;
    public ulong Hva;
    public FaultAccess Access;
    public FaultOutcome Outcome;
    public ObservedBy By;

    /// <summary>The handler called was kvm_tdp_page_fault's caller, or the fault is a shadow MMU's.</summary>
    public bool Shadow;

    public bool HasPfn;
    public bool HasLeaf;
    public ulong Pfn;
    public ulong Spte;
    public int Level;

    /// <summary>Calls that put the page of a lookup back, and the last one's pfn | 0; -1 if the capture does not record them.</summary>
    public int Releases;
    public ulong ReleasedPfn;

    /// <summary>A window began or ended so close to one of the fault's checks that their order is not certain.</summary>
    public bool OrderAmbiguous;

    /// <summary>Records were lost between the fault's begin and its end.</summary>
    public bool Lost;
}
