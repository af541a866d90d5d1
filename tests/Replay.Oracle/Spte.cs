namespace TraceReplay.Replay.Oracle;

/// <summary>Where a machine keeps the bits of a leaf (spec 2.1).</summary>
public enum Vendor
{
    Npt,

    /// <summary>EPT of 6.1 to 6.12.</summary>
    Ept,

    /// <summary>EPT of 7.x.</summary>
    Ept7,

    /// <summary>A stage-2 descriptor of arm64.</summary>
    Arm64,
}

/// <summary>A present leaf SPTE, bit by bit.</summary>
public sealed class Spte
{
    /// <summary>First frame of the leaf.</summary>
    public required ulong Pfn { get; init; }

    public required int Level { get; init; }

    public bool Writable { get; set; }

    public bool HostWritable { get; init; }

    public bool MmuWritable { get; init; }

    public bool Accessed { get; set; }

    /// <summary>arm64: may be executed.</summary>
    public bool Executable { get; set; }

    /// <summary>arm64: device memory.</summary>
    public bool Device { get; init; }

    public bool Dirty { get; set; }

    /// <summary>SPTE_MMU_PAGE_REFCOUNTED of v11.</summary>
    public bool Bit59 { get; init; }

    /// <summary>Shadow paging has no such bit: every SPTE counts as refcounted (spec 5, patch 7).</summary>
    public bool HasNoBit59 { get; init; }

    /// <summary>A copy of all attributes for another frame and level (spec 4.4 and 4.7: split, and huge leaf in place).</summary>
    public Spte For(ulong pfn, int level) => new()
    {
        Pfn = pfn,
        Level = level,
        Writable = Writable,
        HostWritable = HostWritable,
        MmuWritable = MmuWritable,
        Accessed = Accessed,
        Dirty = Dirty,
        Bit59 = Bit59,
        HasNoBit59 = HasNoBit59,
    };

    /// <summary>The value that the page table holds.</summary>
    public ulong Raw(Vendor vendor)
    {
        if (vendor == Vendor.Arm64)
        {
            return Descriptor();
        }

        (int accessed, int dirty, int host, int mmu) = vendor switch
        {
            Vendor.Npt => (5, 6, 9, 10),
            Vendor.Ept => (8, 9, 57, 58),
            _ => (8, 9, 53, 55),
        };

        // Read (or present), execute (or user), and bit 11, the software present bit.
        ulong value = (Pfn << 12) | Bit(0) | Bit(2) | Bit(11);
        value |= Writable ? Bit(1) : 0;
        value |= Level > 1 ? Bit(7) : 0;
        value |= Accessed ? Bit(accessed) : 0;
        value |= Dirty ? Bit(dirty) : 0;
        value |= HostWritable ? Bit(host) : 0;
        value |= MmuWritable ? Bit(mmu) : 0;
        value |= Bit59 ? Bit(59) : 0;
        return value;
    }

    /// <summary>VMSAv8-64: valid, page or block, MemAttr, S2AP, inner shareable, access flag, XN.</summary>
    private ulong Descriptor()
    {
        ulong value = (Pfn << 12) | Bit(0) | (3UL << 8) | Bit(6);
        value |= Level == 1 ? Bit(1) : 0;
        value |= Device ? 1UL << 2 : 15UL << 2;
        value |= Writable ? Bit(7) : 0;
        value |= Accessed ? Bit(10) : 0;
        value |= Executable ? 0 : Bit(54);
        return value;
    }

    private static ulong Bit(int n) => 1UL << n;
}
