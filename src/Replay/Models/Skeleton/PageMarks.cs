namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>What was done to a struct page when a leaf lost bits.</summary>
[Flags]
public enum PageMarks : byte
{
    None = 0,

    /// <summary>The pfn was looked up in the memmap.</summary>
    Checked = 1,

    /// <summary>Its struct page's cache line was touched.</summary>
    Line = 2,
    Accessed = 4,
    Dirty = 8,
}
