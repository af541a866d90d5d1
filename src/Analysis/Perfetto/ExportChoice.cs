namespace TraceReplay.Analysis.Perfetto;

/// <summary>What of a trace is exported.</summary>
public sealed record ExportChoice
{
    /// <summary>All of it.</summary>
    public static ExportChoice All { get; } = new();

    /// <summary>First time of interest, in the capture's clock; what goes on then is in the export too.</summary>
    public long From { get; init; } = long.MinValue;

    /// <summary>Last time of interest, in the capture's clock.</summary>
    public long Until { get; init; } = long.MaxValue;

    /// <summary>Recorded events by name, as <c>event</c> or <c>system.event</c>; <c>*</c> and <c>?</c> stand for any letters and for one. Empty: none.</summary>
    public IReadOnlyList<string> Events { get; init; } = ["*"];
}

/// <summary>What an export wrote.</summary>
/// <param name="Slices">Slices and instants of faults, windows and buffers.</param>
/// <param name="Events">Records of the kernel.</param>
public readonly record struct Exported(long Slices, long Events);
