using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Shadow;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>One VM as a model sees it (spec 2): slots, invalidate state, SPTEs, and the VMM's memory.</summary>
public sealed class VmState
{
    /// <summary>By address space: 0 normal, 1 SMM.</summary>
    public Memslots[] Slots { get; } = [new(), new()];

    public SpteTables[] Sptes { get; } = [new(), new()];

    public InvalidateState Invalidate { get; } = new();

    /// <summary>The windows with the places between which they began and ended: what the retry checks ask.</summary>
    public WindowPlaces Places { get; } = new();

    public HostMemory Memory { get; } = new();

    /// <summary>The same windows once more, for the checks.</summary>
    public OpenWindows Windows { get; } = new();

    /// <summary>What shadow paging keeps besides: SPTEs by the guest's own addresses.</summary>
    public ShadowSptes Shadow { get; } = new();

    public PfnCaches PfnCaches { get; } = new();

    /// <summary>Gfns whose leaf was installed where the order of a window and the fault is not certain.</summary>
    public RadixTable Doubtful { get; } = new();

    /// <summary>By address space: gfns that the dirty log of their memslot holds.</summary>
    public RadixTable[] DirtyLog { get; } = [new(), new()];

    /// <summary>Moves when all roots are zapped; a fault that began under another one retries.</summary>
    public uint RootGeneration { get; set; }

    /// <summary>Place of the last zap of all roots.</summary>
    public long RootsGoneAt { get; set; }

    /// <summary>Faults that have begun and are not over.</summary>
    public int OpenFaults { get; set; }

    /// <summary>Moves with each memslot update; an MMIO SPTE of another generation is stale.</summary>
    public uint MmioGeneration { get; set; }
}
