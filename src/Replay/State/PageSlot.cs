namespace TraceReplay.Replay.State;

/// <summary>
/// What a fault keeps of the memslot that it found for its page. Values and no reference: contexts and results are copied and dropped by the
/// million, without write barriers.
/// </summary>
public readonly struct PageSlot
{
    private readonly MemslotFlags _flags;
    private readonly byte _maxLevel;

    private PageSlot(Memslot slot, ulong gfn)
    {
        Hva = slot.Hva(gfn);
        _flags = slot.Flags;
        _maxLevel = (byte)slot.MaxLevel(gfn);
    }

    /// <summary>Of the page at <paramref name="gfn"/>; nothing if there is no memslot.</summary>
    public static PageSlot Of(Memslot? slot, ulong gfn) => slot is null ? default : new(slot, gfn);

    /// <summary>There is a memslot.</summary>
    public bool Exists => _maxLevel != 0;

    /// <summary>Where the memslot has the page; 0 if there is none.</summary>
    public ulong Hva { get; }

    /// <inheritdoc cref="Memslot.MaxLevel"/>
    public int MaxLevel => _maxLevel;

    public bool Is(MemslotFlags flag) => (_flags & flag) != 0;
}
