using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline;

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

    /// <summary>The vCPU's next fault, arm64: inferred.</summary>
    NextFault,
}

/// <summary>What a fault's latency reaches to. The guest never ran in between.</summary>
public enum LatencyEnd
{
    None,

    /// <summary>The handler's return.</summary>
    Return,

    /// <summary>kvm_entry.</summary>
    Entry,

    /// <summary>kvm_userspace_exit.</summary>
    Exit,
}

/// <summary>What the trace shows of one fault: the row of the <c>faults</c> view.</summary>
public struct ObservedFault
{
    /// <summary>Of a shadow MMU's fault whose guest-physical address no record tells.</summary>
    public const ulong UnknownGpa = ulong.MaxValue;

    public long FaultId;
    public long Seq;
    public long EndSeq;
    public long Time;

    /// <summary>To what <see cref="LatencyTo"/> says, in the clock's units; -1 if nothing that ends a fault was recorded.</summary>
    public long Latency;
    public LatencyEnd LatencyTo;

    /// <summary>When the handler returned; -1 if that is not recorded.</summary>
    public long ReturnTime;

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

    /// <summary>Of a guest that runs in the guest.</summary>
    public bool Nested;

    /// <summary>The page came from the memslot's guest_memfd, not from the VMM's memory.</summary>
    public bool GuestMemfd;

    public readonly bool IsGpaKnown => Gpa != UnknownGpa;

    public bool HasPfn;
    public bool HasLeaf;
    public ulong Pfn;
    public ulong Spte;
    public int Level;

    /// <summary>Calls that put the page of a lookup back, and the last one's pfn | 0; -1 if the capture does not record them.</summary>
    public int Releases;
    public ulong ReleasedPfn;

    /// <summary>Records were lost between the fault's begin and its end.</summary>
    public bool Lost;
}
