using TraceReplay.Replay.Timeline.Vms;

namespace TraceReplay.Replay.Timeline.Windows;

/// <summary>A notifier window of one VM. Begin and end lie between two places each; what is recorded later narrows them.</summary>
internal sealed class Window
{
    /// <summary>Number in the order of the trace.</summary>
    public required long Id { get; init; }

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

    /// <summary>Its first zap, the notifier's return or a count was seen: it has certainly begun.</summary>
    public bool Begun { get; set; }

    /// <summary>The event that showed that, and its time.</summary>
    public long BegunSeq { get; set; }

    public long BegunAt { get; set; }

    /// <summary>Place of its task's last record inside of it: it has not ended before.</summary>
    public long LastInside { get; set; }

    /// <summary>The operation that announces it, as long as its places may still be narrowed.</summary>
    public long Opening { get; set; }

    /// <summary>The operation that says from where on it may have ended; -1 if none was needed yet.</summary>
    public long EndingOperation { get; set; } = -1;
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
