using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>What may lie behind a stretch of the VMM's memory, and how its leaves look.</summary>
/// <param name="Flags">VMA flags; null if no operation tells of the mapping.</param>
/// <param name="Kind">The kind if the mmap call told it.</param>
/// <param name="Bo">TTM buffer object.</param>
internal sealed record Backing(string Name, VmaFlags? Flags, PageKind Kind = PageKind.Unknown, ulong Bo = 0)
{
    private const VmaFlags ReadWrite = VmaFlags.Read | VmaFlags.Write;
    private const VmaFlags Driver = VmaFlags.Io | VmaFlags.PfnMap | VmaFlags.Shared | ReadWrite;

    public static Backing Untold { get; } = new("untold", null);

    public static IReadOnlyList<Backing> All { get; } =
    [
        new("anonymous", ReadWrite, PageKind.A1),
        new("anonymous", ReadWrite, PageKind.A1),
        new("anonymous, read-only", VmaFlags.Read, PageKind.A1),
        new("anonymous, PROT_NONE", VmaFlags.None, PageKind.A1),
        new("file", ReadWrite | VmaFlags.Shared, PageKind.F1),
        new("file, read-only", VmaFlags.Read, PageKind.F1),
        new("FSDAX", ReadWrite | VmaFlags.Shared, PageKind.D1),
        new("zero page", VmaFlags.Read, PageKind.A3),
        new("secretmem", ReadWrite | VmaFlags.Shared, PageKind.S),
        new("MIXEDMAP only", ReadWrite | VmaFlags.MixedMap),
        new("vm_insert_page", ReadWrite | VmaFlags.Io | VmaFlags.MixedMap),
        new("vm_insert_page, told", ReadWrite | VmaFlags.Io | VmaFlags.MixedMap, PageKind.P8),
        new("driver", Driver),
        new("driver, read-only", Driver & ~VmaFlags.Write),
        new("shmem buffer", Driver & ~VmaFlags.Io),
        new("kernel pages", Driver, PageKind.P9),
        new("reserved pages", Driver, PageKind.Pz),
        new("hidden RAM", Driver, PageKind.P1),
        new("TTM", Driver, Bo: 0xb0),
        new("TTM", Driver, Bo: 0xb0),
        new("TTM, another", Driver, Bo: 0xb1),
        Untold,
    ];

    public bool IsDriver => Flags is { } flags && (flags & VmaFlags.PfnMap) != 0;

    /// <summary>get_user_pages refuses, though the leaf is ordinary.</summary>
    public bool Refuses => Kind == PageKind.S || Flags == VmaFlags.None;

    public bool MayWrite => Flags is not { } flags || (flags & VmaFlags.Write) != 0;

    public bool MayBeHuge => Kind is not (PageKind.A3 or PageKind.P8 or PageKind.S or PageKind.Pz or PageKind.P9) && (Flags & VmaFlags.MixedMap) is null or 0;

    /// <summary>Frames of this backing: a 1 GiB aligned stretch of its own for each kind.</summary>
    public ulong FirstPfn => 0x1000000UL * (2 + (ulong)Kind) + (IsDriver && Bo != 0 ? 0x800000UL : 0);
}
