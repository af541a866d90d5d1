using System.Runtime.CompilerServices;

namespace TraceReplay.Replay.State;

/// <summary>VMA flags that the fault logic looks at: the kernel's VM_ bits.</summary>
[Flags]
public enum VmaFlags : ulong
{
    None = 0,
    Read = 0x1,
    Write = 0x2,
    Exec = 0x4,
    Shared = 0x8,
    PfnMap = 0x400,
    Io = 0x4000,
    MixedMap = 0x1000_0000,

    /// <summary>Not the kernel's: remap_pfn_range made the mapping, so that its frames follow one another.</summary>
    Contiguous = 1UL << 63,
}

/// <summary>One mapping of the VMM's address space, [Start, End) in bytes.</summary>
public sealed record Vma(ulong Start, ulong End, VmaFlags Flags, PageKind Kind, ulong Bo = 0) : IRange
{
    /// <summary>The lookup takes the remapped path (spec 3, step F).</summary>
    public bool IsRemapped => (Flags & (VmaFlags.Io | VmaFlags.PfnMap)) != 0;

    public bool IsContiguous => (Flags & VmaFlags.Contiguous) != 0;

    public bool IsMixedMap => (Flags & VmaFlags.MixedMap) != 0;
}

/// <summary>A leaf of the VMM's page table (spec 8.1), packed into one u64 so that a table of them is flat.</summary>
public readonly record struct HostPte(ulong Raw)
{
    private const ulong PfnMask = (1UL << 52) - 1;
    private const ulong PresentBit = 1UL << 63;
    private const ulong WritableBit = 1UL << 62;
    private const ulong SpecialBit = 1UL << 61;
    private const int LevelShift = 58;
    private const ulong RamBit = 1UL << 57;
    private const ulong NotRamBit = 1UL << 56;

    /// <summary>The same leaf, and whether its frame is the kernel's own memory (pfn_is_map_memory, arm64).</summary>
    public HostPte WithMemory(bool isRam) => new(Raw | (isRam ? RamBit : NotRamBit));

    /// <summary>Whether the frame is the kernel's own memory; null where nothing says it.</summary>
    public bool? IsRam => (Raw & RamBit) != 0 ? true : (Raw & NotRamBit) != 0 ? false : null;

    public static HostPte Make(ulong pfn, bool writable, bool special, int level = 1) => new(
        (pfn & PfnMask) | PresentBit | (writable ? WritableBit : 0) | (special ? SpecialBit : 0) | ((ulong)level << LevelShift));

    public bool Present => (Raw & PresentBit) != 0;

    public bool Writable => (Raw & WritableBit) != 0;

    /// <summary>vmf_insert_pfn and its like: get_user_pages refuses it.</summary>
    public bool Special => (Raw & SpecialBit) != 0;

    /// <summary>The frame of this 4 KiB page, also inside a huge leaf.</summary>
    public ulong Pfn => Raw & PfnMask;

    /// <summary>Level of the leaf; 0 where the trace does not show it.</summary>
    public int Level => (int)((Raw >> LevelShift) & 7);
}

/// <summary>
/// What is known of one VMM's address space at this point of the trace: VMAs and page-table leaves. Absent means
/// "not known or not present", never "known to be absent".
/// </summary>
public sealed class HostMemory
{
    private readonly RadixTable _ptes = new();
    private readonly RangeList<Vma> _vmas = new();

    // By block of 2 MiB: the level at which its leaves are mapped, as other leaves in it have shown.
    private readonly RadixTable _levels = new();
    private const int BlockShift = 21;

    // A VMM has thousands at most; what a broken trace adds beyond is not kept.
    private const int MaxVmas = 1 << 16;

    // As the table's own reader is: three times for each fault.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public HostPte Pte(ulong hva) => new(_ptes[hva >> 12]);

    public void SetPte(ulong hva, HostPte pte) => _ptes[hva >> 12] = pte.Raw;

    /// <summary>
    /// The level at which the host maps the block around <paramref name="hva"/>; 0 if nothing shows it. Leaves of one block have one level
    /// until a window over it comes, and a mapping that does not hold the whole block has none above 4 KiB.
    /// </summary>
    public int Level(ulong hva)
    {
        ulong known = _levels[hva >> BlockShift];
        if (known != 0)
        {
            return (int)known;
        }

        const ulong mask = (1UL << BlockShift) - 1;
        return FindVma(hva) is { Kind: not PageKind.N } vma && (vma.Bo != 0 || vma.Start > (hva & ~mask) || vma.End <= (hva | mask)) ? 1 : 0;
    }

    /// <summary>A leaf shows the level at which the host maps the block around <paramref name="hva"/>.</summary>
    public void SetLevel(ulong hva, int level) => _levels[hva >> BlockShift] = (ulong)level;

    /// <summary>[start, end) was invalidated: what was known of its leaves no longer holds.</summary>
    public void Forget(ulong start, ulong end)
    {
        if (start < end)
        {
            Eraser eraser = default;
            _ptes.ForEach(start >> 12, ((end - 1) >> 12) + 1, ref eraser);
            _levels.ForEach(start >> BlockShift, ((end - 1) >> BlockShift) + 1, ref eraser);
        }
    }

    /// <summary>The mappings of a TTM buffer object.</summary>
    public IEnumerable<Vma> VmasOf(ulong bo)
    {
        foreach (Vma vma in _vmas.All)
        {
            if (bo != 0 && vma.Bo == bo)
            {
                yield return vma;
            }
        }
    }

    public Vma? FindVma(ulong hva) => _vmas.Find(hva);

    /// <summary>Adds a mapping; what it overlaps is cut, as mmap(MAP_FIXED) does.</summary>
    public void Map(Vma vma)
    {
        if (vma.Start < vma.End && _vmas.Count < MaxVmas && FindVma(vma.Start) != vma)
        {
            _vmas.Put(vma, Cut);
        }
    }

    public void Unmap(ulong start, ulong end) => _vmas.Clear(start, end, Cut);

    /// <summary>mprotect: [start, end) becomes readable, writable, executable as said.</summary>
    public void Protect(ulong start, ulong end, VmaFlags access)
    {
        const VmaFlags mask = VmaFlags.Read | VmaFlags.Write | VmaFlags.Exec;
        List<Vma> changed = [];
        foreach (Vma vma in _vmas.Overlapping(start, end))
        {
            changed.Add(vma with { Start = Math.Max(vma.Start, start), End = Math.Min(vma.End, end), Flags = (vma.Flags & ~mask) | access });
        }

        foreach (Vma vma in changed)
        {
            _vmas.Put(vma, Cut);
        }
    }

    private static IEnumerable<Vma> Cut(Vma vma, ulong start, ulong end)
    {
        if (vma.Start < start)
        {
            yield return vma with { End = start };
        }

        if (end < vma.End)
        {
            yield return vma with { Start = end };
        }
    }

    private struct Eraser : IEntryVisitor
    {
        public readonly void Visit(ulong index, ref ulong entry) => entry = 0;
    }
}
