using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Oracle;

/// <summary>What is known of one page of the VMM's page table (spec 8.1), out of the raw bits of a PteKnown operation.</summary>
public sealed record HostLeaf(ulong Pfn, bool Writable, bool Special, int Level)
{
    /// <returns>Null if the leaf is not present.</returns>
    public static HostLeaf? FromRaw(ulong raw)
    {
        bool present = raw >> 63 == 1;
        int level = (int)(raw >> 58) & 7;
        return present ? new HostLeaf(raw & ((1UL << 52) - 1), (raw >> 62 & 1) == 1, (raw >> 61 & 1) == 1, level) : null;
    }
}

/// <summary>A mapping of the VMM (spec 8.1).</summary>
public sealed record Mapping(ulong Start, ulong End, VmaFlags Flags, PageKind Kind, ulong Bo)
{
    public bool IoOrPfnmap => Flags.HasFlag(VmaFlags.Io) || Flags.HasFlag(VmaFlags.PfnMap);
}
