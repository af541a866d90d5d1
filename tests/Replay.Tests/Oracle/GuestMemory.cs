using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>The small universe: where memslots may lie and which addresses are touched.</summary>
internal static class Universe
{
    public const ulong Hva = 0x7f00_0000_0000;

    /// <summary>Pages of the VMM's memory, from <see cref="Hva"/> on, that faults and windows hit: block borders, and a 1 GiB block.</summary>
    public static IReadOnlyList<ulong> Spots { get; } = [0, 0, 1, 1, 2, 3, 5, 8, 511, 512, 513, 1023, 0x40000, 0x40001, 0x40200, 0x40a07];

    /// <summary>Stretches that are mapped, invalidated or aged as a whole.</summary>
    public static IReadOnlyList<(ulong First, ulong Pages)> Stretches { get; } =
        [(0, 1), (1, 1), (1, 2), (0, 4), (0, 16), (4, 4), (0, 512), (512, 512), (0, 1024), (0x40000, 512), (0x40000, 0x40000)];

    /// <summary>What slots may look like; slots of different ids do not overlap, some see the same memory.</summary>
    public static IReadOnlyList<Memslot> Slots { get; } =
    [
        new(0, 1, 0x1000, 1024, Hva, MemslotFlags.None),
        new(0, 1, 0x1000, 512, Hva, MemslotFlags.None),
        new(0, 1, 0x1000, 16, Hva, MemslotFlags.None),
        new(0, 1, 0x3000, 1024, Hva, MemslotFlags.None),
        new(0, 1, 0x3000, 600, Hva + 0x1000, MemslotFlags.None),
        new(0, 1, 0x1000, 16, Hva, MemslotFlags.ReadOnly),
        new(0, 2, 0x2000, 512, Hva, MemslotFlags.None),
        new(0, 2, 0x2001, 4, Hva + 0x1000, MemslotFlags.None),
        new(0, 2, 0x2000, 4, Hva, MemslotFlags.ReadOnly),
        new(0, 3, 0x40000, 0x40000, Hva + 0x4000_0000, MemslotFlags.None),
        new(1, 1, 0x1000, 512, Hva, MemslotFlags.None),
        new(1, 2, 0x2000, 4, Hva + 0x20_0000, MemslotFlags.None),
    ];

    /// <summary>gfns without a memslot.</summary>
    public static IReadOnlyList<ulong> Mmio { get; } = [0x9000, 0x9001, 0x1000, 0x2000];
}

/// <summary>A leaf that the sequence has made known.</summary>
internal sealed record KnownLeaf(ulong Pfn, bool Writable, bool Special, int Level);

/// <summary>A fault under way, as the sequence knows it.</summary>
internal sealed record OpenFault(int Open, long Id, byte AsId, ulong Gfn, Memslot? Slot, bool Write, bool Prefetch)
{
    public bool LookedUp { get; set; }
}

/// <summary>The VMM's side of one VM while a sequence is made.</summary>
internal sealed class GuestMemory
{
    private readonly List<(ulong First, ulong End, Backing Backing)> _backings = [];

    public List<Memslot> Slots { get; } = [];

    public List<(ulong Start, ulong End)> Windows { get; } = [];

    public OpenFault?[] Faults { get; } = new OpenFault?[3];

    /// <summary>By page of the VMM's memory, from <see cref="Universe.Hva"/> on.</summary>
    public Dictionary<ulong, KnownLeaf> Leaves { get; } = [];

    public Backing BackingOf(ulong page)
    {
        int found = _backings.FindLastIndex(b => page >= b.First && page < b.End);
        return found < 0 ? Backing.Untold : _backings[found].Backing;
    }

    public void Back(ulong first, ulong pages, Backing backing) => _backings.Add((first, first + pages, backing));

    /// <summary>The largest level at which a leaf may come at this page: leaves of one block have one level.</summary>
    public int FreeLevel(ulong page)
    {
        for (int level = 3; level > 1; level--)
        {
            ulong pages = Levels.Pages(level);
            ulong block = page & ~(pages - 1);
            Backing backing = BackingOf(block);
            bool whole = block != 0 || level == 2;
            if (whole && backing == BackingOf(block + pages - 1) && backing == BackingOf(page) && !Leaves.Keys.Any(p => (p & ~(pages - 1)) == block))
            {
                return level;
            }
        }

        return 1;
    }

    /// <summary>This page of a huge leaf that is known by another of its pages.</summary>
    public KnownLeaf? PartOfHuge(ulong page)
    {
        foreach ((ulong known, KnownLeaf leaf) in Leaves)
        {
            ulong pages = Levels.Pages(leaf.Level);
            if (leaf.Level > 1 && (known & ~(pages - 1)) == (page & ~(pages - 1)))
            {
                return leaf with { Pfn = leaf.Pfn - known + page };
            }
        }

        return null;
    }

    /// <summary>A window that meets a huge leaf covers all of it.</summary>
    public (ulong Start, ulong End) Whole(ulong start, ulong end)
    {
        foreach ((ulong page, KnownLeaf leaf) in Leaves)
        {
            ulong bytes = Levels.Pages(leaf.Level) << 12;
            ulong block = (Universe.Hva + (page << 12)) & ~(bytes - 1);
            if (leaf.Level > 1 && block < end && start < block + bytes)
            {
                start = Math.Min(start, block);
                end = Math.Max(end, block + bytes);
            }
        }

        return (start, end);
    }

    public void Forget(ulong start, ulong end)
    {
        foreach (ulong page in Leaves.Keys.Where(p => Universe.Hva + (p << 12) + 4095 >= start && Universe.Hva + (p << 12) < end).ToList())
        {
            Leaves.Remove(page);
        }
    }
}
