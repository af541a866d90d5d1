using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline.Order;
using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline;

/// <summary>What all trackers share: the event under way, the way to the models, and what the capture records at all.</summary>
internal sealed class TimelineContext(IReadOnlySet<EventKind> kinds, TimelineOptions options, RecordInvariants records)
{
    /// <summary>The kinds of event that the capture has a table for.</summary>
    public EventKindSet Kinds { get; } = new(kinds);

    public TimelineOptions Options { get; } = options;

    /// <summary>Nothing would show a window: what was seen of a page before says nothing of it now.</summary>
    public bool WindowsUnseen { get; } = options.HasNoWindowEvent && !kinds.Contains(EventKind.UnmapHvaRange) && !kinds.Contains(EventKind.NotifierStart);

    /// <summary>The checks of the records themselves.</summary>
    public RecordInvariants Records { get; } = records;

    public TimelineCounts Counts { get; } = new();

    public OperationQueue Queue { get; } = new();

    /// <summary>At the end of the trace: executes what is ready, so that what all tasks have left does not pile up.</summary>
    public Action? Drain { get; set; }

    /// <summary>Position of the event under way in the trace.</summary>
    public long Seq { get; private set; }

    public long Time { get; private set; }

    /// <summary>Its place: what happened between two events has the places of the two around it.</summary>
    public long Place => Seq + 1;

    public void Begin(EventCursor e)
    {
        Seq = e.Seq;
        Time = e.Time;
        Records.Begin(e.Seq, e.Time, e.Cpu);
    }

    public Operation Make(OperationKind kind, VmTrack vm, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, byte asId = 0) => new()
    {
        Kind = kind,
        Vm = vm.Index,
        AsId = asId,
        Open = -1,
        FaultId = -1,
        Seq = Seq,
        Time = Time,
        A = a,
        B = b,
        C = c,
        D = d,
        After = Place,
        Before = Place,
    };

    public long Emit(OperationKind kind, VmTrack vm, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, byte asId = 0) =>
        Queue.Add(Make(kind, vm, a, b, c, d, asId));

    /// <summary>Something that is no VM's: pages, buffers.</summary>
    public void EmitHost(OperationKind kind, ulong a, ulong b = 0, ulong c = 0) => Queue.Add(new Operation
    {
        Kind = kind,
        Open = -1,
        FaultId = -1,
        Seq = Seq,
        Time = Time,
        A = a,
        B = b,
        C = c,
        After = Place,
        Before = Place,
    });
}

/// <summary>What the timeline must know of the captured machine.</summary>
/// <param name="Intel">error_code is an exit qualification (VMX), not a PFERR.</param>
/// <param name="Codes">RET_PF_* of the captured kernel (spec 1.4).</param>
/// <param name="HostWritableBit">The SPTE bit that says that the host maps the page writable.</param>
/// <param name="AccessedBit">The SPTE bit that says accessed.</param>
/// <param name="DirtyBit">The SPTE bit that says dirty.</param>
/// <param name="EarlySpurious">A present leaf that permits the access ends a fault before a new SPTE is made (7.x, spec 4.4).</param>
/// <param name="IsExcerpt">A text: an event of which it has no line was not recorded at all, or did not happen; of a vCPU's bare re-entry the latter is taken.</param>
/// <param name="Frozen">The value of an entry that is on its way out (spec 0.4).</param>
/// <param name="SnapshotInLookup">The snapshot of mmu_invalidate_seq is taken behind the entry of kvm_faultin_pfn (6.3 and later), else before it.</param>
public sealed record TimelineOptions(bool Intel, Kernel.ReturnCodes Codes, ulong HostWritableBit, ulong AccessedBit, ulong DirtyBit, bool EarlySpurious = false, bool SnapshotInLookup = true, ulong Frozen = 0x5a0, bool IsExcerpt = false)
{
    /// <summary>The records are arm64's.</summary>
    public bool IsArm64 { get; init; }

    /// <summary>arm64: the bits of enum kvm_pgtable_prot.</summary>
    internal Arm64.Prot Prot { get; init; } = Arm64.Prot.Since7;

    /// <summary>The kernel has no event of its own for a notifier's window (x86 before 5.13).</summary>
    public bool HasNoWindowEvent { get; init; }

    /// <summary>What follows from the captured kernel.</summary>
    public static TimelineOptions Of(CapturedKernel kernel, bool isExcerpt = false) => new(
        kernel.Intel,
        kernel.ReturnCodes,
        kernel.Layout.HostWritable,
        kernel.Layout.Accessed,
        kernel.Layout.Dirty,
        EarlySpurious: kernel.Model == "merged",
        SnapshotInLookup: kernel.SnapshotInLookup,
        kernel.Layout.Frozen,
        isExcerpt)
    {
        IsArm64 = kernel.IsArm64Machine,
        Prot = kernel.Prot,
        HasNoWindowEvent = !kernel.ShowsWindows(new HashSet<EventKind>()),
    };
}

/// <summary>How often the timeline had to infer or assume: the raw material of the assumptions view.</summary>
public sealed class TimelineCounts
{
    public long SlotsFromRegionCall { get; set; }

    public long SlotsFromFaults { get; set; }

    public long SlotsInferred { get; set; }

    /// <summary>arm64: new memslots that the kernel refused for what lies behind them.</summary>
    public long SlotsRefused { get; set; }

    /// <summary>Lookups whose page no earlier leaf shows.</summary>
    public long PagesInferred { get; set; }

    public long WindowsClosedByProbe { get; set; }

    public long WindowsClosedByNextEvent { get; set; }

    /// <summary>By a whole fault of another task after them (spec 15.2, policy c).</summary>
    public long WindowsClosedByFault { get; set; }

    public long WindowsClosedByLoss { get; set; }

    public long VmAssumed { get; set; }

    /// <summary>VMs that came where another had been: the address of its struct kvm, or its process, was used again.</summary>
    public long VmsReplaced { get; set; }

    public long MaintenanceFromSpteEvents { get; set; }

    public long OutcomesInferred { get; set; }

    /// <summary>Lookups whose map_writable no probe shows: taken from the leaf that KVM made.</summary>
    public long WritableFromLeaf { get; set; }

    public long PrefetchFaults { get; set; }

    public long FaultsDropped { get; set; }

    /// <summary>Events that were recorded without a value that the replay needs of them (texts): not used.</summary>
    public long EventsUntold { get; set; }

    /// <summary>Of these, faults: they have no row.</summary>
    public long FaultsUntold { get; set; }

    /// <summary>Faults whose outcome a recorded event would say, had its value been shown: UNKNOWN.</summary>
    public long OutcomesUntold { get; set; }
}
