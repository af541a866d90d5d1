namespace TraceReplay.Replay.Models;

/// <summary>Parameters by which kernels differ within one model: the columns of spec 0.4, as data.</summary>
public sealed record ModelSettings
{
    /// <summary>The name a user gives, such as "6.12".</summary>
    public required string Name { get; init; }

    /// <summary>P_RANGE_UNIT: the invalidate hull is kept in hva bytes, not in gfns.</summary>
    public bool HullInHva { get; init; }

    /// <summary>P_PRECHECK: lock-free retry checks before and after the pfn lookup.</summary>
    public bool Prechecks { get; init; }

    /// <summary>The first of these checks comes before the memslot is seen to be INVALID (spec 3.3).</summary>
    public bool PrecheckBeforeInvalidSlot { get; init; }

    /// <summary>P_SIGPENDING: an interrupted lookup ends in EINTR.</summary>
    public bool SignalPending { get; init; }

    /// <summary>P_PFNMAP_HUGE: the remapped lookup understands huge leaves.</summary>
    public bool PfnMapHuge { get; init; }

    /// <summary>P_RELEASE_EXACT: the pfn released is the pfn taken.</summary>
    public bool ReleaseExact { get; init; }

    /// <summary>P_WRPROT_OUTCOME: RET_PF_WRITE_PROTECTED is an outcome of its own.</summary>
    public bool WriteProtectedOutcome { get; init; }

    /// <summary>Log-dirty off rebuilds huge leaves in place instead of zapping (spec 4.7).</summary>
    public bool RebuildHugeInPlace { get; init; }

    /// <summary>A present leaf that permits the access ends the fault before a new SPTE is made (spec 4.4).</summary>
    public bool EarlySpurious { get; init; }

    /// <summary>A writable leaf is made dirty even if the old one was writable already (spec 4.3).</summary>
    public bool AlwaysDirty { get; init; }

    public static ModelSettings Kernel61 { get; } = new() { Name = "6.1", HullInHva = true, ReleaseExact = true };

    public static ModelSettings Kernel68 { get; } = new() { Name = "6.8", Prechecks = true, PrecheckBeforeInvalidSlot = true, SignalPending = true };

    public static ModelSettings Kernel612 { get; } = Kernel68 with
    {
        Name = "6.12",
        PrecheckBeforeInvalidSlot = false,
        PfnMapHuge = true,
        ReleaseExact = true,
        WriteProtectedOutcome = true,
    };

    public static ModelSettings Kernel7 { get; } = Kernel612 with
    {
        Name = "7.x",
        RebuildHugeInPlace = true,
        EarlySpurious = true,
        AlwaysDirty = true,
    };

    /// <summary>The tree that v11 was posted against: 6.8 before the prechecks came in.</summary>
    public static ModelSettings V11Posted { get; } = Kernel68 with { Name = "posted", Prechecks = false };
}
