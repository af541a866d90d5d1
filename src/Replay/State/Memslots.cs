namespace TraceReplay.Replay.State;

/// <summary>Flags of a memslot: the KVM_MEM_ bits of the region call, and KVM's own INVALID.</summary>
[Flags]
public enum MemslotFlags : uint
{
    None = 0,
    LogDirty = 1 << 0,
    ReadOnly = 1 << 1,
    GuestMemfd = 1 << 2,

    /// <summary>The slot is being deleted or moved: lookups see it, faults retry.</summary>
    Invalid = 1 << 16,
}

/// <summary>One memslot (spec 2): gfns [BaseGfn, BaseGfn + Npages) backed by user memory from UserspaceAddr on.</summary>
public sealed record Memslot(int AsId, int Id, ulong BaseGfn, ulong Npages, ulong UserspaceAddr, MemslotFlags Flags) : IRange
{
    ulong IRange.Start => BaseGfn;

    ulong IRange.End => EndGfn;

    public ulong EndGfn => BaseGfn + Npages;

    public ulong EndHva => UserspaceAddr + (Npages << 12);

    public bool Is(MemslotFlags flag) => (Flags & flag) != 0;

    public ulong Hva(ulong gfn) => UserspaceAddr + ((gfn - BaseGfn) << 12);

    public ulong Gfn(ulong hva) => BaseGfn + ((hva - UserspaceAddr) >> 12);

    /// <summary>The gfns [first, last) of the slot that hva bytes [start, end) touch; false if there are none.</summary>
    public bool TryGfns(ulong start, ulong end, out ulong first, out ulong last)
    {
        ulong from = Math.Max(start, UserspaceAddr);
        ulong to = Math.Min(end, EndHva);
        first = Gfn(from);
        last = Gfn(to - 1) + 1;
        return from < to;
    }

    /// <summary>
    /// The largest level (1..3) at which the block around <paramref name="gfn"/> may be mapped:
    /// inside the slot, and gfn and hva congruent (disallow_lpage of spec 4.2).
    /// </summary>
    public int MaxLevel(ulong gfn)
    {
        for (int level = 3; level > 1; level--)
        {
            ulong pages = Levels.Pages(level);
            ulong block = gfn & ~(pages - 1);
            if (block >= BaseGfn && block + pages <= EndGfn && ((BaseGfn ^ (UserspaceAddr >> 12)) & (pages - 1)) == 0)
            {
                return level;
            }
        }

        return 1;
    }
}

/// <summary>
/// The memslots of one address space, by gfn, by hva and by id, as KVM keeps them. Several may map the same user memory;
/// gfns belong to one. Every operation costs the logarithm of their number.
/// </summary>
public sealed class Memslots
{
    private readonly RangeList<Memslot> _byGfn = new();
    private readonly IntervalTree<Memslot> _byHva = new();
    private readonly Dictionary<int, Memslot> _byId = [];

    public int Count => _byGfn.Count;

    /// <summary>All slots, in the order of their gfns.</summary>
    public IntervalTree<Memslot>.Overlaps All => _byGfn.All;

    /// <summary>The slot that holds <paramref name="gfn"/>, or null.</summary>
    public Memslot? Find(ulong gfn) => _byGfn.Find(gfn);

    public Memslot? ById(int id) => _byId.GetValueOrDefault(id);

    /// <summary>The slots whose user memory lies in part in the bytes [start, end), in the order of their addresses.</summary>
    public IntervalTree<Memslot>.Overlaps OverlappingHva(ulong start, ulong end) => _byHva.Overlapping(start, end);

    /// <summary>Creates or replaces the slot with the same id; anything it overlaps goes.</summary>
    public void Put(Memslot slot)
    {
        Remove(slot.Id);
        if (slot.EndGfn <= slot.BaseGfn)
        {
            return;
        }

        foreach (Memslot gone in _byGfn.Overlapping(slot.BaseGfn, slot.EndGfn))
        {
            Remove(gone.Id);
        }

        _byId.Add(slot.Id, slot);
        _byGfn.Put(slot);

        // A broken record can show an address range that wraps: no window meets it.
        if (slot.UserspaceAddr < slot.EndHva)
        {
            _byHva.Add(slot.UserspaceAddr, slot.EndHva, slot.Id, slot);
        }
    }

    public void Remove(int id)
    {
        if (_byId.Remove(id, out Memslot? slot))
        {
            _byGfn.Remove(slot);
            _byHva.Remove(slot.UserspaceAddr, slot.Id);
        }
    }
}

/// <summary>Page-table levels: 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB, 4 and 5 = tables only.</summary>
public static class Levels
{
    public const int Max = 5;

    /// <summary>log2 of <see cref="Pages"/>.</summary>
    public static int Order(int level) => 9 * (level - 1);

    /// <summary>4 KiB frames that one entry of <paramref name="level"/> covers.</summary>
    public static ulong Pages(int level) => 1UL << (9 * (level - 1));
}
