using TraceReplay.Replay.Operations;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline;

/// <summary>What a task is in the middle of. Everything the timeline pairs up, it pairs up by task.</summary>
internal sealed class ThreadState(int pid)
{
    public int Pid { get; } = pid;

    /// <summary>The VM the task works for; null until something shows it.</summary>
    public VmTrack? Vm { get; set; }

    /// <summary>x86: 1 while the vCPU is in SMM.</summary>
    public byte AsId { get; set; }

    public OpenFault? Fault { get; set; }

    /// <summary>Windows that this task has begun and not ended, oldest first.</summary>
    public List<Window> Windows { get; } = [];

    /// <summary>A window past its notifier's end, whose seq the next event may show.</summary>
    public Window? Ending { get; set; }

    /// <summary>mn and event of the notifier call that kvm_unmap_hva_range follows.</summary>
    public ulong PendingNotifier { get; set; }

    public ulong PendingNotifierEvent { get; set; }

    public bool PendingEventKnown { get; set; }

    public PendingRegion? Region { get; set; }

    /// <summary>The recorded system call that the task is in, as the event names it; null outside of one.</summary>
    public string? Syscall { get; set; }

    public (ulong Length, ulong Prot, ulong Flags, ulong Offset)? Mmap { get; set; }

    /// <summary>The TTM buffer whose fault handler runs; 0 outside of one.</summary>
    public ulong TtmBo { get; set; }

    public BoMove? TtmMove { get; set; }

    public (ulong Hva, ulong Pfn, ulong VmaFlags)? Insert { get; set; }

    /// <summary>Mappings made before it was known which VM the task works for.</summary>
    public List<Operation> EarlyMappings { get; } = [];
}

/// <summary>A region call under way: what it asks for, and what it replaces.</summary>
internal sealed record PendingRegion(VmTrack Vm, Memslot? New, Memslot? Old, bool Invalidated, long Seq);

/// <summary>A call of ttm_bo_handle_move_mem; what is null was not recorded.</summary>
internal sealed record BoMove(long Seq, long Time, int Pid, ulong Bo, ulong? OldType, ulong NewType, ulong? Size, bool? Evict)
{
    /// <summary>The notifier windows that it opened, and the leaf SPTEs that were removed in them.</summary>
    public List<Window> Windows { get; } = [];

    public long EndSeq { get; set; }

    public long EndAt { get; set; }

    /// <summary>What it returned: 0, or a negative errno.</summary>
    public int Result { get; set; }
}

/// <summary>A notifier window of one VM.</summary>
internal sealed class Window
{
    public required VmTrack Vm { get; init; }

    public required ulong Notifier { get; init; }

    public required ulong Start { get; init; }

    public required ulong End { get; init; }

    public required ulong Event { get; init; }

    public bool EventKnown { get; init; }

    /// <summary>Where the task was when it opened the window.</summary>
    public required int Cpu { get; init; }

    /// <summary>Position of its kvm_unmap_hva_range.</summary>
    public required long UnmapSeq { get; init; }

    public long UnmapAt { get; init; }

    public int Pid { get; init; }

    /// <summary>The recorded function or event in which the task opened it; null if nothing recorded shows one.</summary>
    public string? Cause { get; init; }

    /// <summary>Memslots that it overlaps; -1 if the slots are not known.</summary>
    public int Slots { get; init; } = -1;

    /// <summary>Guest frames of those slots that lie in it.</summary>
    public ulong Gfns { get; init; }

    /// <summary>Leaf SPTEs that its task removed in it.</summary>
    public long Leaves { get; set; }

    /// <summary>The same in pages of 4 KiB.</summary>
    public long Pages { get; set; }

    /// <summary>Position of its end, or of what shows that it has ended; -1 while open.</summary>
    public long EndSeq { get; set; } = -1;

    public long EndAt { get; set; }

    public WindowEnd EndedBy { get; set; }

    /// <summary>mmu_invalidate_seq after it; null if not recorded.</summary>
    public ulong? InvalidateSeq { get; set; }

    /// <summary>The window counts as begun before the first event behind this one.</summary>
    public required long BeginsAfter { get; set; }

    /// <summary>Its first zap or the notifier's return was seen: from here on it has certainly begun.</summary>
    public bool Settled { get; set; }

    /// <summary>The event that showed it, and its time.</summary>
    public long SettledSeq { get; set; }

    public long SettledAt { get; set; }

    /// <summary>The models have been told; until then the window may or may not be in progress.</summary>
    public bool Begun { get; set; }
}

/// <summary>How it is known that a window has ended (spec 15.2).</summary>
internal enum WindowEnd : byte
{
    /// <summary>It is not: the capture ends before.</summary>
    None,

    /// <summary>A probe on its end.</summary>
    Probe,

    /// <summary>Its start, which may not block, gave up.</summary>
    StartRefused,

    /// <summary>Its task did something that cannot happen inside.</summary>
    NextEvent,

    /// <summary>Another task faulted in its range and got a page.</summary>
    Fault,

    /// <summary>Records were lost; the end was among them.</summary>
    Loss,
}

/// <summary>The timeline's own view of a VM: enough to attribute events, not to decide faults.</summary>
internal sealed class VmTrack(short index, ulong kvm)
{
    public short Index { get; } = index;

    /// <summary>Address of struct kvm, the VM's identity in the trace; 0 if no event showed it.</summary>
    public ulong Kvm { get; set; } = kvm;

    public Memslots[] Slots { get; } = [new(), new()];

    /// <summary>The driver's pfns by hva; they survive a change of protection, which models' knowledge does not.</summary>
    public RadixTable InsertedPfns { get; } = new();

    public HostMemory Memory { get; } = new();

    /// <summary>Window begins and ends so far: two equal readings mean that nothing came between.</summary>
    public long Boundaries { get; set; }

    /// <summary>mmu_invalidate_seq as the last probe on an end read it.</summary>
    public ulong? LastSeq { get; set; }

    /// <summary>Windows whose begin lies somewhere between the last event and the next.</summary>
    public int Opening { get; set; }
}
