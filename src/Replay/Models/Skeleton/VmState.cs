using TraceReplay.Replay.Invariants;
using TraceReplay.Replay.Models.Shadow;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>One VM as a model sees it (spec 2): slots, invalidate state, SPTEs, and the VMM's memory.</summary>
public sealed class VmState
{
    /// <summary>By root: 0 normal, 1 SMM, which has an address space of its own, 2 for a guest that runs nested: the normal memslots once more.</summary>
    public Memslots[] Slots { get; }

    /// <summary>By root. A vCPU works in the root of its mode, so a gfn may have a leaf in each.</summary>
    public SpteTables[] Sptes { get; } = [new(), new(), new()];

    /// <summary>Roots in use: the nested one only once a fault in it has been seen.</summary>
    public int Roots { get; set; } = 2;

    public VmState()
    {
        Memslots normal = new();
        Slots = [normal, new(), normal];
    }

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

    /// <summary>arm64: blocks of 512 gfns in which the model has mapped something.</summary>
    public RadixTable LeavesSeen { get; } = new();

    /// <summary>Gfns whose leaf the host itself replaced inside a window that is open (.change_pte).</summary>
    public RadixTable ReplacedInWindow { get; } = new();

    /// <summary>Gfns that held a table of a guest's own which KVM shadowed, and may still: nothing tells when it no longer does.</summary>
    public RadixTable GuestTables { get; } = new();

    /// <summary>By root: gfns that the dirty log of their memslot holds.</summary>
    public RadixTable[] DirtyLog { get; } = [new(), new(), new()];

    /// <summary>Moves when all roots are zapped; a fault that began under another one retries.</summary>
    public uint RootGeneration { get; private set; }

    private readonly (long After, long Before)[] _rootsGone = new (long, long)[16];

    /// <summary>All roots are zapped, between two places.</summary>
    public void RootsGo(long after, long before)
    {
        _rootsGone[RootGeneration % (uint)_rootsGone.Length] = (after, before);
        RootGeneration++;
    }

    /// <summary>Where the roots of a generation went: the zap that made them stale, not a later one.</summary>
    public (long After, long Before) RootsGone(uint generation) =>
        RootGeneration - generation <= _rootsGone.Length ? _rootsGone[generation % (uint)_rootsGone.Length] : (0, 0);

    /// <summary>Faults that have begun and are not over.</summary>
    public int OpenFaults { get; set; }

    /// <summary>Moves with each memslot update; an MMIO SPTE of another generation is stale.</summary>
    public uint MmioGeneration { get; set; }
}
