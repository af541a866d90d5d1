using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <summary>A memslot (spec 2).</summary>
public sealed record Slot(int AsId, int Id, ulong BaseGfn, ulong Npages, ulong UserspaceAddr, MemslotFlags Flags)
{
    public ulong EndHva => UserspaceAddr + (Npages * 4096);

    public bool ReadOnly => Flags.HasFlag(MemslotFlags.ReadOnly);

    public bool LogDirty => Flags.HasFlag(MemslotFlags.LogDirty);

    public bool Invalid => Flags.HasFlag(MemslotFlags.Invalid);

    public bool Contains(ulong gfn) => gfn >= BaseGfn && gfn < BaseGfn + Npages;

    public ulong Hva(ulong gfn) => UserspaceAddr + ((gfn - BaseGfn) * 4096);

    /// <summary>Spec 4.1: the gfns [first, end) that a range of hva bytes covers; null if it does not overlap the slot.</summary>
    public (ulong First, ulong End)? Gfns(ulong start, ulong end)
    {
        ulong from = Math.Max(start, UserspaceAddr);
        ulong to = Math.Min(end, EndHva);
        if (from >= to)
        {
            return null;
        }

        ulong first = BaseGfn + ((from - UserspaceAddr) / 4096);
        ulong last = BaseGfn + ((to - 1 - UserspaceAddr) / 4096);
        return (first, last + 1);
    }

    /// <summary>Spec 4.2, disallow_lpage: whether the block of a level around a gfn may be one leaf.</summary>
    public bool Allows(int level, ulong gfn)
    {
        ulong pages = Level.Pages(level);
        ulong block = gfn / pages * pages;
        bool congruent = BaseGfn % pages == UserspaceAddr / 4096 % pages;
        return block >= BaseGfn && block + pages <= BaseGfn + Npages && congruent;
    }
}

/// <summary>Levels of a page table: 1 = 4K, 2 = 2M, 3 = 1G.</summary>
public static class Level
{
    public static ulong Pages(int level) => level switch { 1 => 1, 2 => 512, _ => 262144 };
}
