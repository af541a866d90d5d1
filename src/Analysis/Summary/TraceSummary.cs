namespace TraceReplay.Analysis.Summary;

/// <summary>What the summary of one trace is made of; nothing here is formatted yet.</summary>
public sealed record TraceSummary
{
    public required CapturedTrace Trace { get; init; }

    public required long Faults { get; init; }

    public required IReadOnlyList<FidelityLine> Fidelity { get; init; }

    public required IReadOnlyList<OutcomeCount> Outcomes { get; init; }

    public required IReadOnlyList<DivergenceLine> Divergences { get; init; }

    public required IReadOnlyList<AssumptionLine> Assumptions { get; init; }
}

/// <summary>A row of `traces`, as far as a summary shows it.</summary>
public sealed record CapturedTrace(
    string Id, string Path, string Format, string? Kernel, string? Arch, string? Clock, string? ClockUnit, int? Cpus,
    long? StartNs, long? EndNs, long Events, long? Lost, bool Complete);

/// <summary>A row of `fidelity`.</summary>
public sealed record FidelityLine(string Model, string? Setting, string Quantity, long Compared, long Matched, long Explained, long Unexplained);

/// <summary>How many faults on a page kind ended one way: on the kernel (Source "observed") or in a model.</summary>
public sealed record OutcomeCount(string PageKind, string Outcome, string Source, long Faults);

/// <summary>Faults on which two models differ in one way.</summary>
public sealed record DivergenceLine(string ModelA, string ModelB, string? OutcomeA, string? OutcomeB, string PageKind, string? Cause, long Faults);

/// <summary>A row of `assumptions`.</summary>
public sealed record AssumptionLine(string Assumption, string? Value, double? Share, string? Detail);
