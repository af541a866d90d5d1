namespace TraceReplay.Replay.Oracle;

/// <summary>One VM (spec 2).</summary>
public sealed class Vm
{
    public List<Slot> Slots { get; } = [];

    public Invalidation Invalidation { get; } = new();

    public AddressSpace Memory { get; } = new();

    /// <summary>Present leaves by address space, level and gfn / pages(level).</summary>
    public Dictionary<(int AsId, int Level, ulong Block), Spte> Leaves { get; } = [];

    /// <summary>MMIO SPTEs: the memslot generation that each was made with.</summary>
    public Dictionary<(int AsId, ulong Gfn), uint> Mmio { get; } = [];

    /// <summary>Leaves that went with a window, a root or a table, and whose own record is still to come (see ZapLeaf).</summary>
    public HashSet<(int AsId, int Level, ulong Block)> RecordsToCome { get; } = [];

    /// <summary>arm64: blocks of 512 gfns in which something has been mapped.</summary>
    public HashSet<ulong> SeenBlocks { get; } = [];

    public uint RootGeneration { get; set; }

    public uint MemslotGeneration { get; set; }

    public Slot? SlotOf(int asId, ulong gfn) => Slots.Find(slot => slot.AsId == asId && slot.Contains(gfn));

    public Spte? LeafOf(int asId, ulong gfn)
    {
        for (int level = 1; level <= 3; level++)
        {
            if (Leaves.TryGetValue(Key(asId, level, gfn), out Spte? leaf))
            {
                return leaf;
            }
        }

        return null;
    }

    public static (int AsId, int Level, ulong Block) Key(int asId, int level, ulong gfn) => (asId, level, gfn / Level.Pages(level));

    /// <summary>Keys of the leaves that overlap gfns [from, end).</summary>
    public List<(int AsId, int Level, ulong Block)> Overlapping(int asId, ulong from, ulong end) =>
        [.. Leaves.Keys.Where(key => key.AsId == asId && key.Block * Level.Pages(key.Level) < end && from < (key.Block + 1) * Level.Pages(key.Level))];
}
