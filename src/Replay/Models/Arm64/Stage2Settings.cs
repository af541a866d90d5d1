namespace TraceReplay.Replay.Models.Arm64;

/// <summary>The kernels' parameters on arm64: the same releases, other columns (spec 7).</summary>
internal static class Stage2Settings
{
    /// <summary>The name that says that the CPU lacks S2FWB or DIC.</summary>
    public const string WithoutFwb = "7.x-nofwb";

    /// <summary>What a release's setting is on arm64: one lookup that waits and takes no signals, no lock-free checks.</summary>
    public static ModelSettings Of(ModelSettings x86)
    {
        bool merged = x86.EarlySpurious;
        bool before62 = x86.HullInHva;
        return x86 with
        {
            Prechecks = false,
            PrecheckBeforeInvalidSlot = false,
            SignalPending = false,
            AgainIsSignal = false,
            LocklessAge = false,
            HullInHva = false,
            PoisonLookup = !merged,
            MovesReference = before62,
            RelaxNeedsLeaf = !before62,
            CacheableByVma = merged && x86.Name != "6.13",
            RefusesCacheablePfnMap = x86.Name == WithoutFwb,
        };
    }
}
