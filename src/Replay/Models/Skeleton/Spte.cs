namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>
/// SPTE bits of one vendor and kernel (spec 2.1). The present bit, the pfn and the write bit lie where both vendors have
/// them; the rest is data.
/// </summary>
public sealed record SpteLayout
{
    public const ulong MmuPresent = 1UL << 11;
    public const ulong WriteBit = 1UL << 1;
    public const ulong LargeBit = 1UL << 7;

    /// <summary>v11's SPTE_MMU_PAGE_REFCOUNTED.</summary>
    public const ulong RefcountedBit = 1UL << 59;

    /// <summary>On 64 bits a non-present SPTE may suppress #VE (6.12 and later).</summary>
    public const ulong SuppressVe = 1UL << 63;

    private const ulong PfnMask = ((1UL << 52) - 1) & ~0xfffUL;

    // Not a kernel value: the models keep the generation of an MMIO SPTE, its address is the index.
    private const ulong MmioMark = 1UL << 62;

    public required ulong Access { get; init; }

    public required ulong Accessed { get; init; }

    public required ulong Dirty { get; init; }

    /// <summary>P_FROZEN: the value of an entry that is on its way out (spec 0.4).</summary>
    public ulong Frozen { get; init; } = 0x5a0;

    /// <summary>Bits of the models' own that this kernel's entries do not have, or have for something else.</summary>
    public ulong NotRecorded { get; init; }

    /// <summary>The bits that the CPU sets by itself: accessed and dirty.</summary>
    public ulong OwnBits => Accessed | Dirty;

    public required ulong HostWritable { get; init; }

    public required ulong MmuWritable { get; init; }

    /// <summary>arm64's stage 2: what the models keep of a leaf; <see cref="Recorded"/> makes the descriptor of it.</summary>
    public bool IsStage2 { get; init; }

    /// <summary>arm64: the CPU keeps instruction and data caches coherent (DIC), so that every normal page may be executed.</summary>
    public bool AlwaysExecutable { get; init; }

    public static SpteLayout Stage2 { get; } = new()
    {
        IsStage2 = true,
        Access = Arm64.Stage2Leaf.Read,
        Accessed = Arm64.Stage2Leaf.AccessFlag,
        Dirty = 0,
        HostWritable = WriteBit,
        MmuWritable = WriteBit,

        // Of device memory, not how: that is the VMA's to say, and no record shows it.
        NotRecorded = Arm64.Stage2Leaf.NormalNonCacheable,
    };

    /// <summary>The entry as the machine has it.</summary>
    /// <param name="spte">A leaf as the models keep it.</param>
    /// <param name="level">Its level, 1 to 3.</param>
    public ulong Recorded(ulong spte, int level) => IsStage2 ? Arm64.Stage2Leaf.Descriptor(spte, level) : spte;

    /// <summary>AMD nested paging, and shadow paging.</summary>
    public static SpteLayout Npt { get; } = new()
    {
        Access = 0b101,
        Accessed = 1UL << 5,
        Dirty = 1UL << 6,
        HostWritable = 1UL << 9,
        MmuWritable = 1UL << 10,
    };

    /// <summary>
    /// The software bits of both vendors before 5.13: 10 says host-writable, 11 MMU-writable, and none says present. The models keep
    /// 11 for that, and MMU-writable where no record has anything; neither is compared.
    /// </summary>
    public SpteLayout Before513() => this with { HostWritable = 1UL << 10, MmuWritable = 1UL << 62, NotRecorded = (1UL << 62) | MmuPresent };

    /// <summary>Intel EPT as in 6.1 to 6.12.</summary>
    public static SpteLayout Ept { get; } = new()
    {
        Access = 0b101,
        Accessed = 1UL << 8,
        Dirty = 1UL << 9,
        HostWritable = 1UL << 57,
        MmuWritable = 1UL << 58,
    };

    /// <summary>Intel EPT as in 7.x.</summary>
    public static SpteLayout Ept7 { get; } = Ept with { HostWritable = 1UL << 53, MmuWritable = 1UL << 55 };

    public static bool IsPresent(ulong spte) => (spte & MmuPresent) != 0;

    public static bool IsWritable(ulong spte) => (spte & WriteBit) != 0;

    public static ulong Pfn(ulong spte) => (spte & PfnMask) >> 12;

    /// <summary>The same leaf with another frame.</summary>
    public static ulong WithPfn(ulong spte, ulong pfn) => (spte & ~PfnMask) | (pfn << 12);

    public static ulong Mmio(uint generation) => MmioMark | generation;

    public static bool IsMmio(ulong spte) => (spte & (MmioMark | MmuPresent)) == MmioMark;

    public static uint MmioGeneration(ulong spte) => (uint)spte;

    /// <summary>A leaf that a guest's own tables let nobody execute.</summary>
    public ulong WithoutExec(ulong spte) => IsEpt ? spte & ~ExecOrUser : spte | NoExec;

    /// <summary>One that they let only its kernel use: EPT has nothing to say that with.</summary>
    public ulong WithoutUser(ulong spte) => IsEpt ? spte : spte & ~ExecOrUser;

    private bool IsEpt => Accessed == 1UL << 8;

    // Bit 2: execute in EPT, user elsewhere.
    private const ulong ExecOrUser = 1UL << 2;
    private const ulong NoExec = 1UL << 63;

    /// <summary>make_spte for a leaf of a TDP table (spec 4.3).</summary>
    public ulong Make(ulong pfn, int level, bool hostWritable, bool writable, bool dirty) =>
        (pfn << 12) | MmuPresent | Access | Accessed
        | (level > 1 ? LargeBit : 0)
        | (hostWritable ? HostWritable : 0)
        | (writable ? WriteBit | MmuWritable : 0)
        | (dirty ? Dirty : 0);
}
