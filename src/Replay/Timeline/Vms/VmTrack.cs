using TraceReplay.Replay.State;
using TraceReplay.Replay.Timeline.Slots;

namespace TraceReplay.Replay.Timeline.Vms;

/// <summary>The timeline's own view of a VM, in one life of it: enough to attribute events, not to decide faults.</summary>
internal sealed class VmTrack(short index, ulong kvm)
{
    public short Index { get; } = index;

    /// <summary>Address of struct kvm, the VM's identity while it lives; 0 if no event showed it.</summary>
    public ulong Kvm { get; set; } = kvm;

    public Memslots[] Slots { get; } = [new(), new()];

    /// <summary>The memslot call under way; KVM lets one at a time do it.</summary>
    public PendingRegion? Region { get; set; }

    /// <summary>The first memslot call of this life: one that asks for it again begins another.</summary>
    public Memslot? FirstSlot { get; set; }

    public bool HasFaults { get; set; }

    /// <summary>A call that changes its memslots is recorded.</summary>
    public bool SlotsRecorded { get; set; }

    /// <summary>The driver's pfns by hva; they survive a change of protection, which models' knowledge does not.</summary>
    public RadixTable InsertedPfns { get; } = new();

    public HostMemory Memory { get; } = new();

    /// <summary>mmu_invalidate_seq as the last probe on an end read it.</summary>
    public ulong? LastSeq { get; set; }

    /// <summary>Windows that it has had so far.</summary>
    public long WindowsSeen { get; set; }

    /// <summary>Moves when all roots are zapped.</summary>
    public uint Roots { get; set; }
}
