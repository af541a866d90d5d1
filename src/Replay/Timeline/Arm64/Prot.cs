namespace TraceReplay.Replay.Timeline.Arm64;

/// <summary>enum kvm_pgtable_prot: its bits moved when executing was split by privilege (seen: 6.1 and 6.12 against 7.2).</summary>
internal sealed record Prot(ulong Read, ulong Write, ulong Execute, ulong Device, ulong NormalNonCacheable)
{
    public static Prot Before7 { get; } = new(Read: 4, Write: 2, Execute: 1, Device: 8, NormalNonCacheable: 0x10);

    public static Prot Since7 { get; } = new(Read: 8, Write: 4, Execute: 3, Device: 0x10, NormalNonCacheable: 0x20);

    /// <summary>
    /// Every leaf can be read: the record itself tells which encoding it is, where a value has one of the read bits only.
    /// </summary>
    /// <param name="seen">All values that the capture has, in one.</param>
    /// <param name="common">The bits that all of them have.</param>
    public static Prot? Shown(ulong seen, ulong common) => seen == 0 ? null
        : (common & Since7.Read) != 0 && (common & Before7.Read) == 0 ? Since7
        : (common & Before7.Read) != 0 && (common & Since7.Read) == 0 ? Before7
        : null;
}
