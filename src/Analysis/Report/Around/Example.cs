namespace TraceReplay.Analysis.Report.Around;

/// <summary>One fault that stands for all that diverge in the same way.</summary>
internal sealed record Example
{
    public required long FaultId { get; init; }

    /// <summary>Faults that diverge in the same way.</summary>
    public required long Faults { get; init; }

    public required string? Cause { get; init; }

    public required long Seq { get; init; }

    public required long EndSeq { get; init; }

    public required long Ts { get; init; }

    /// <summary>Time to its end in the trace's clock; null if the trace does not show it.</summary>
    public required long? Latency { get; init; }

    public required int? Pid { get; init; }

    /// <summary>Where it happened and how it ended, in words.</summary>
    public required string Says { get; init; }

    public static Example Of(object?[] row) => new()
    {
        FaultId = (long)row[0]!,
        Faults = (long)row[1]!,
        Cause = row[2] as string,
        Seq = (long)row[3]!,
        EndSeq = (long)row[4]!,
        Ts = row[5] as long? ?? 0,
        Latency = row[6] as long?,
        Pid = row[7] as int?,
        Says = $"{Access(row[10] as string)} at guest address {row[9] as string ?? "unknown"}, page kind {row[11]}. The kernel ended it with {row[12]}; the models say: {row[13] as string ?? "nothing"}.",
    };

    /// <summary>What an event has to do with this fault.</summary>
    /// <param name="recorded">An event near it.</param>
    /// <param name="function">The function that its probe sits on; null for other events.</param>
    public EventRole Role(RecordedEvent recorded, string? function)
    {
        string what = function ?? recorded.Name;
        return s_leaf.Any(word => what.Contains(word, StringComparison.Ordinal))
            ? EventRole.Leaf
            : s_invalidation.Any(word => what.Contains(word, StringComparison.Ordinal))
                ? EventRole.Invalidation
                : recorded.Pid == Pid && recorded.Seq >= Seq && recorded.Seq <= EndSeq ? EventRole.Step : EventRole.Other;
    }

    private static readonly string[] s_leaf = ["spte", "kvm_pgtable_stage2"];
    private static readonly string[] s_invalidation = ["invalidate", "notifier", "unmap", "zap"];

    private static string Access(string? access) => access switch
    {
        "r" => "A read",
        "w" => "A write",
        "x" => "An instruction fetch",
        _ => "An access",
    };
}
