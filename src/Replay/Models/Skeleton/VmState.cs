using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>One VM as a model sees it (spec 2): slots, invalidate state, SPTEs, and the VMM's memory.</summary>
public sealed class VmState
{
    /// <summary>By address space: 0 normal, 1 SMM.</summary>
    public Memslots[] Slots { get; } = [new(), new()];

    public SpteTables[] Sptes { get; } = [new(), new()];

    public InvalidateState Invalidate { get; } = new();

    public HostMemory Memory { get; } = new();

    /// <summary>Moves when all roots are zapped; a fault that began under another one retries.</summary>
    public uint RootGeneration { get; set; }

    /// <summary>Moves with each memslot update; an MMIO SPTE of another generation is stale.</summary>
    public uint MmioGeneration { get; set; }
}
