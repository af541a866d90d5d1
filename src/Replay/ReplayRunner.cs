namespace TraceReplay.Replay;

/// <summary>What to replay. Null means: all models, the setting of the captured kernel.</summary>
public sealed record ReplayOptions
{
    /// <summary>Model names as in <see cref="ModelRegistry"/>; null = all.</summary>
    public IReadOnlyList<string>? Models { get; init; }

    /// <summary>A setting such as "6.8" for the models that have it; null = the captured kernel's.</summary>
    public string? Setting { get; init; }

    /// <summary>Leaves probe events out, so that what they tell is inferred instead.</summary>
    public bool IgnoreProbes { get; init; }
}

/// <summary>What one replay did; everything else is in the result tables.</summary>
/// <param name="TraceId">First 16 hex digits of the capture's SHA-256.</param>
/// <param name="Faults">Faults found in the trace.</param>
/// <param name="Warnings">One line each, for the person who asked.</param>
public sealed record ReplayReport(string TraceId, long Faults, IReadOnlyList<string> Warnings);
