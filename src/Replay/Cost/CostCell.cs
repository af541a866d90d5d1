using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Cost;

/// <summary>Faults of one trace that are alike: same path, end and page kind, and in each model the same operations.</summary>
public sealed class CostCell
{
    internal CostCell(FaultPath path, FaultOutcome observed, PageKind kind, bool write, CostVector[] counts, FaultOutcome[] outcomes)
    {
        Path = path;
        Observed = observed;
        Kind = kind;
        Write = write;
        Counts = counts;
        Outcomes = outcomes;
    }

    /// <summary>By the captured kernel's model.</summary>
    public FaultPath Path { get; }

    /// <summary>What the trace shows.</summary>
    public FaultOutcome Observed { get; }

    public PageKind Kind { get; }

    public bool Write { get; }

    /// <summary>Operations of one such fault, by place of the model in <see cref="CostPassResult.Models"/>.</summary>
    public IReadOnlyList<CostVector> Counts { get; }

    /// <summary>How one such fault ends, by model.</summary>
    public IReadOnlyList<FaultOutcome> Outcomes { get; }

    /// <summary>Fault to entry or to user space, in the clock's units, of those faults that show it.</summary>
    public List<long> Latencies { get; } = [];

    /// <summary>Faults, with a latency or without.</summary>
    public long Faults { get; internal set; }

    /// <summary>Probe records that the task left between their begin and their end.</summary>
    public long Probes { get; internal set; }
}

/// <summary>What a pass over one trace counted and what the trace shows of time.</summary>
public sealed record CostPassResult
{
    public required IReadOnlyList<string> Models { get; init; }

    /// <summary>By place in <see cref="Models"/>.</summary>
    public required IReadOnlyList<string> Settings { get; init; }

    /// <summary>Place of the captured kernel's model; -1 if the kernel is not known.</summary>
    public required int Captured { get; init; }

    public required IReadOnlyList<CostCell> Cells { get; init; }

    /// <summary>Notifier windows, begin to end, in the clock's units; empty where the capture has no such probes.</summary>
    public required IReadOnlyList<long> Windows { get; init; }

    /// <summary>Calls of the notifier's start that zapped nothing.</summary>
    public required IReadOnlyList<long> IdleCalls { get; init; }

    /// <summary>Calls of the notifier's start that zapped.</summary>
    public required IReadOnlyList<long> ZappingCalls { get; init; }

    /// <summary>Times of calls of which no record tells whether they zapped leaves.</summary>
    public required IReadOnlyList<long> UntoldCalls { get; init; }

    /// <summary>Between two zaps of one call.</summary>
    public required IReadOnlyList<long> Zaps { get; init; }
}
