using TraceReplay.Replay.Models.Skeleton;

namespace TraceReplay.Replay.Models.Arm64;

/// <summary>
/// A stage-2 leaf as the models keep it: present, write, large and the frame lie where the shared code looks for them; what only arm64
/// has is here. The descriptor's bits are the architecture's (VMSAv8-64, stage 2).
/// </summary>
internal static class Stage2Leaf
{
    public const ulong Read = 1UL << 0;
    public const ulong Execute = 1UL << 2;
    public const ulong Device = 1UL << 3;
    public const ulong NormalNonCacheable = 1UL << 4;
    public const ulong AccessFlag = 1UL << 5;

    private const ulong Valid = 1UL << 0;
    private const ulong Page = 1UL << 1;
    private const ulong NormalMemory = 0b1111UL << 2;
    private const ulong DeviceMemory = 0b0001UL << 2;
    private const ulong NonCacheableMemory = 0b0101UL << 2;
    private const ulong S2ApRead = 1UL << 6;
    private const ulong S2ApWrite = 1UL << 7;
    private const ulong InnerShareable = 0b11UL << 8;
    private const ulong DescriptorAccessFlag = 1UL << 10;
    private const ulong ExecuteNever = 1UL << 54;

    /// <summary>What stage2_pte_needs_update leaves out of its comparison: permissions. The access flag is the CPU's to set, where it can.</summary>
    private const ulong Permissions = Read | SpteLayout.WriteBit | Execute | AccessFlag;

    public static ulong Make(ulong pfn, int level, bool writable, bool executable, bool device, bool nonCacheable = false) =>
        (pfn << 12) | SpteLayout.MmuPresent | Read | AccessFlag
        | (level > 1 ? SpteLayout.LargeBit : 0)
        | (writable ? SpteLayout.WriteBit : 0)
        | (executable ? Execute : 0)
        | (device ? Device : 0)
        | (nonCacheable ? NormalNonCacheable : 0);

    /// <summary>Two leaves that differ in nothing but permissions: the walker leaves the old one and says -EAGAIN.</summary>
    public static bool DifferInPermissionsOnly(ulong old, ulong now) => ((old ^ now) & ~Permissions) == 0;

    /// <summary>A leaf that gets the permissions of another besides its own.</summary>
    public static ulong Relaxed(ulong old, ulong now) => old | (now & (Read | SpteLayout.WriteBit | Execute));

    public static bool IsExecutable(ulong leaf) => (leaf & Execute) != 0;

    /// <summary>The architecture's descriptor of a leaf; 0 if there is none. Memory attributes as without S2FWB.</summary>
    public static ulong Descriptor(ulong leaf, int level) => !SpteLayout.IsPresent(leaf) ? 0
        : (SpteLayout.Pfn(leaf) << 12) | Valid | InnerShareable | S2ApRead
            | (level == 1 ? Page : 0)
            | ((leaf & NormalNonCacheable) != 0 ? NonCacheableMemory : (leaf & Device) != 0 ? DeviceMemory : NormalMemory)
            | (SpteLayout.IsWritable(leaf) ? S2ApWrite : 0)
            | ((leaf & AccessFlag) != 0 ? DescriptorAccessFlag : 0)
            | (IsExecutable(leaf) ? 0 : ExecuteNever);
}
