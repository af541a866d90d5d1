namespace TraceReplay.Replay.Oracle;

/// <summary>The three models of spec 0.1.</summary>
public enum Series
{
    Current,
    V11,
    Merged,
}

/// <summary>One column of the table in spec 0.4, with its parameters under the names they have there.</summary>
public sealed record Kernel(Series Series, string Setting, bool Arm64 = false)
{
    public static IReadOnlyList<Kernel> All { get; } =
    [
        new(Series.Current, "6.1"),
        new(Series.Current, "6.8"),
        new(Series.Current, "6.12"),
        new(Series.V11, "posted"),
        new(Series.V11, "6.8"),
        new(Series.Merged, "7.x"),
    ];

    /// <summary>The columns for arm64 (spec 7).</summary>
    public static IReadOnlyList<Kernel> AllArm64 { get; } =
    [
        new(Series.Current, "6.1", Arm64: true),
        new(Series.Current, "6.12", Arm64: true),
        new(Series.V11, "posted", Arm64: true),
        new(Series.Merged, "6.13", Arm64: true),
        new(Series.Merged, "7.x", Arm64: true),
        new(Series.Merged, "7.x-nofwb", Arm64: true),
    ];

    /// <summary>As the program under test calls the model.</summary>
    public string Model => Series switch { Series.Current => "current", Series.V11 => "v11", _ => "merged" };

    public string Name => $"{Model}@{Setting}{(Arm64 ? " arm64" : "")}";

    /// <summary>P_RANGE_UNIT.</summary>
    public bool RangeUnitIsHva => Setting == "6.1";

    /// <summary>P_PRECHECK; v11@posted is 6.8 before the prechecks came (spec 5).</summary>
    public bool Precheck => !Arm64 && Setting is "6.8" or "6.12" or "7.x";

    /// <summary>Spec 3.3: at 6.8 the first check comes before the memslot is looked at.</summary>
    public bool PrecheckBeforeInvalidSlot => Setting == "6.8";

    /// <summary>P_SIGPENDING.</summary>
    public bool SigPending => Setting != "6.1" && !Arm64;

    /// <summary>P_EAGAIN_SIG.</summary>
    public bool EagainIsSignal => Setting == "7.x" && !Arm64;

    /// <summary>P_PFNMAP_HUGE.</summary>
    public bool PfnmapHuge => Setting is "6.12" || Series == Series.Merged;

    /// <summary>P_RELEASE_EXACT; n/a where nothing is released by pfn after the level is known.</summary>
    public bool ReleaseExact => Setting is "6.1" or "6.12";

    /// <summary>P_AD_AT_ZAP.</summary>
    public bool AdAtZap => Series != Series.Merged && !Arm64;

    /// <summary>Spec 4.7: log-dirty off makes huge leaves in place.</summary>
    public bool RebuildsHugeInPlace => Setting == "7.x";

    /// <summary>Spec 4.4, install: 7.x looks whether the present leaf is enough, before it makes another.</summary>
    public bool EarlySpurious => Setting == "7.x";

    /// <summary>Spec 4.3: 7.x makes every writable leaf dirty.</summary>
    public bool DirtyWheneverWritable => Setting == "7.x";

    /// <summary>arm64 up to 6.1: the reference goes over to the head of a huge page.</summary>
    public bool MovesReference => Setting == "6.1";

    /// <summary>arm64 after 6.1: changing the permissions of a leaf that is gone says -EAGAIN.</summary>
    public bool RelaxNeedsLeaf => Setting != "6.1";

    /// <summary>arm64: 6.13 to 6.16 forget a reference where an instruction is fetched from device memory.</summary>
    public bool LeaksOnEarlyExit => Setting == "6.13";

    /// <summary>arm64: the CPU has neither S2FWB nor DIC, and the kernel is 6.17 or later.</summary>
    public bool RefusesCacheablePfnmap => Setting == "7.x-nofwb";
}
