namespace TraceReplay.Replay.Invariants;

/// <summary>Where a replay looks at an invariant; how often it came there is how often the invariant was checked.</summary>
public enum CheckPoint : byte
{
    /// <summary>Nowhere: no event shows what the invariant speaks of.</summary>
    Never = 0,

    // At the end of a fault, in every model.
    FaultEnd,
    ReferenceTaken,
    ReferencePut,
    Marked,
    MarkedDirty,
    GupSucceeded,
    LeafMapped,
    LeafInstalled,
    HostLeafKnown,
    LogDirtyWritable,
    Refused,
    Retried,
    MmioFromCache,
    ShadowMmioInstalled,
    NonCompoundBlock,

    // When others act, in every model.
    WindowBegin,
    WindowEnd,
    MatchedWindowEnd,
    LeafZapped,
    FileLeafZapped,
    PageFreed,
    SlotGone,
    BoMoved,
    BlockSplit,
    UnguardedUse,
    PfnCacheUse,

    // In the records of the captured kernel, without a model.
    RecordedLeaf,
    RecordedHugeLeaf,
    RecordedReplacement,
    RecordedNonPresentStep,
    RecordedLeafInSlot,
    RecordedReadOnlySlotLeaf,
    RecordedLoggedLeaf,
    RecordedInstall,
    RecordedWindowEnd,
    RecordedWindowClose,
    RecordedCounts,
    RecordedSlotChange,
    RecordedFaultEnd,
}

/// <summary>One invariant of spec 11.</summary>
/// <param name="Number">n of INV-n, and its bit; INV-09a has its own number here.</param>
/// <param name="Name">The spec's name.</param>
/// <param name="Statement">What must hold.</param>
/// <param name="Needs">What a capture must hold for it to be evaluated.</param>
public sealed record Invariant(int Number, string Name, string Statement, string Needs)
{
    private const int Number09A = 41;

    /// <summary>INV-nn as the spec and the tables spell it.</summary>
    public string Id => Number switch
    {
        9 => "INV-09b",
        Number09A => "INV-09a",
        _ => $"INV-{Number:00}",
    };

    public ulong Bit => 1UL << Number;

    /// <summary>Where every model in <see cref="Models"/> is looked at.</summary>
    public CheckPoint InModels { get; init; }

    /// <summary>Where the captured kernel's own records are looked at.</summary>
    public CheckPoint InRecords { get; init; }

    /// <summary>The models to which it applies.</summary>
    public IReadOnlyList<string> Models { get; init; } = ["current", "v11", "merged"];

    /// <summary>A model that breaks it at every check and relies on another protocol instead: counted, not listed.</summary>
    public string? ByDesignIn { get; init; }

    /// <summary>Why it is not evaluated; null if it is.</summary>
    public string? NotEvaluated { get; init; }

    /// <summary>On which models it is evaluated; `kernel` stands for the records themselves.</summary>
    public string EvaluatedOn => string.Join(' ', [.. InModels == CheckPoint.Never ? [] : Models, .. InRecords == CheckPoint.Never ? [] : new[] { InvariantList.KernelName }]);
}
