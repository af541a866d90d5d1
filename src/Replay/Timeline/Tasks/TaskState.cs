using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline.Arm64;
using TraceReplay.Replay.Timeline.Buffers;
using TraceReplay.Replay.Timeline.Slots;
using TraceReplay.Replay.Timeline.Vms;
using TraceReplay.Replay.Timeline.Windows;
using TraceReplay.Replay.Timeline.X86;

namespace TraceReplay.Replay.Timeline.Tasks;

/// <summary>What a task is in the middle of. Everything the timeline pairs up, it pairs up by task.</summary>
internal sealed class TaskState(int pid)
{
    public int Pid { get; } = pid;

    /// <summary>The VM the task works for; null until something shows it.</summary>
    public VmTrack? Vm { get; set; }

    /// <summary>x86: 1 while the vCPU is in SMM.</summary>
    public byte AsId { get; set; }

    /// <summary>The vCPU runs a nested guest.</summary>
    public bool IsNested { get; set; }

    /// <summary>The nested guest has tables of its own for physical addresses: its faults' addresses are its own, not its host's.</summary>
    public bool HasNestedTdp { get; set; }

    /// <summary>How its vCPU last left the guest.</summary>
    public GuestExit LeftGuest { get; set; }

    /// <summary>The root that the vCPU works in: 0 normal, 1 SMM, 2 nested.</summary>
    public byte Root => AsId == 1 ? (byte)1 : IsNested ? (byte)2 : (byte)0;

    /// <summary>
    /// Generation of roots that the vCPU had at its last kvm_entry; null if none was seen. Where entries are not recorded: at the task's last
    /// record before a fault, as the entry came after that.
    /// </summary>
    public uint? RootsAtEntry { get; set; }

    public OpenFault? Fault { get; set; }

    /// <summary>arm64: the guest abort that its vCPU thread handles.</summary>
    public OpenAbort? Abort { get; set; }

    /// <summary>arm64: the abort before, if only the next one tells how it ended.</summary>
    public AwaitedAbort? Awaited { get; set; }

    /// <summary>arm64: the vCPU that the thread handles an abort of; -1 if not recorded.</summary>
    public int Vcpu { get; set; } = -1;

    /// <summary>arm64: what the probe on .change_pte says, until its memslot shows; and the call under way.</summary>
    public (ulong Hva, ulong Pte)? ChangedPte { get; set; }

    public PteChange? PteChange { get; set; }

    public bool IsInFault => Fault is not null || Abort is not null;

    /// <summary>Place of the fault whose handler runs; -1 if none does.</summary>
    public int HandledFault => Fault is { Returned: false } fault ? fault.Open : Abort is { Returned: false } abort ? abort.Open : -1;

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

    /// <summary>It is in KVM_CREATE_VM.</summary>
    public bool CreatesVm { get; set; }

    public (ulong Length, ulong Prot, ulong Flags, ulong Offset, int Fd)? Mmap { get; set; }

    /// <summary>Where a driver has mapped its memory within the mmap call that is under way.</summary>
    public ulong? RemappedInMmap { get; set; }

    /// <summary>mremap that has begun.</summary>
    public (ulong Start, ulong OldLength, ulong NewLength, ulong Flags, ulong? Target)? Mremap { get; set; }

    /// <summary>It is in a system call that changes the VMM's mappings.</summary>
    public bool ChangesMappings { get; set; }

    /// <summary>munmap or mprotect that has begun; it takes effect with its first window, or by its end.</summary>
    public (OperationKind Kind, ulong Start, ulong End, ulong Access)? MappingChange { get; set; }

    /// <summary>ftruncate that has begun: file and new size.</summary>
    public (int Fd, ulong Length)? Truncation { get; set; }

    /// <summary>The TTM buffer whose fault handler runs; 0 outside of one.</summary>
    public ulong TtmBo { get; set; }

    public BoMove? TtmMove { get; set; }

    public (ulong Hva, ulong Pfn, ulong VmaFlags)? Insert { get; set; }

    /// <summary>Mappings made before it was known which VM the task works for.</summary>
    public List<Operation> EarlyMappings { get; } = [];

    /// <summary>Leaves that the task has frozen, until the record of the table that held them shows what became of them.</summary>
    public List<FrozenLeaf> Frozen { get; } = [];

    /// <summary>Leaves that the task has taken away in no window, call or table, in one run: what they were taken for shows at its end.</summary>
    public List<FrozenLeaf> Unexplained { get; } = [];

    /// <summary>A table that the task took out: (gfn, level) of its entry, until it does something else.</summary>
    public (ulong Gfn, int Level)? RemovedTable { get; set; }

    public bool IsIdle => Fault is null && Abort is null && Awaited is null && Windows.Count == 0 && Region is null && Ending is null && TtmMove is null && MappingChange is null;
}

/// <summary>A record of a leaf that waits for what explains it.</summary>
internal readonly record struct FrozenLeaf(long Seq, ulong Gfn, int Level, ulong Old, ulong Now, byte AsId);
