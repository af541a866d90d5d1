namespace TraceReplay.Replay.Models.Skeleton;

/// <summary>Sizes that the timeline and the models agree on.</summary>
public static class FaultLimits
{
    /// <summary>Faults open at the same time: one a vCPU thread.</summary>
    public const int MaxOpen = 4096;
}
