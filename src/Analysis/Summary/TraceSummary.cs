using TraceReplay.Analysis.Findings;

namespace TraceReplay.Analysis.Summary;

/// <summary>What the summary of one trace is made of; nothing here is formatted yet.</summary>
public sealed record TraceSummary
{
    public required CapturedTrace Trace { get; init; }

    public required long Faults { get; init; }

    /// <summary>Of these, those that are not of the guest's own physical addresses and the VMM's memory, by kind.</summary>
    public IReadOnlyList<(string Kind, long Faults)> OtherKinds { get; init; } = [];

    /// <summary>What could not be read at all, one line for each event.</summary>
    public IReadOnlyList<string> Unread { get; init; } = [];

    /// <summary>What was found, most severe first.</summary>
    public IReadOnlyList<FindingRow> Findings { get; init; } = [];

    /// <summary>The fault that came again most often without progress; null if none did.</summary>
    public StuckFault? Stuck { get; init; }

    /// <summary>Invariants that the kernel's own records break, and how often.</summary>
    public IReadOnlyList<(string Invariant, string Name, long Times)> Broken { get; init; } = [];

    /// <summary>Invariants that the kernel's own records could break, whether they do or not.</summary>
    public int Checked { get; init; }

    /// <summary>What to record to know more of the faults, most telling first; empty where most are judged.</summary>
    public IReadOnlyList<string> Advice { get; init; } = [];

    public required IReadOnlyList<FidelityLine> Fidelity { get; init; }

    public required IReadOnlyList<OutcomeCount> Outcomes { get; init; }

    public required IReadOnlyList<DivergenceLine> Divergences { get; init; }

    public required IReadOnlyList<AssumptionLine> Assumptions { get; init; }
}

/// <summary>The same page and access on one vCPU, again and again.</summary>
/// <param name="Runs">How many such runs the trace has.</param>
/// <param name="Times">Faults of this one.</param>
/// <param name="SpteSet">How many of them left an SPTE.</param>
/// <param name="InWindow">How many met an open window.</param>
public sealed record StuckFault(long Runs, int? Vcpu, int Pid, ulong Gfn, string Access, long Times, long LastedNs, long SpteSet, long InWindow, bool AtEnd);

/// <summary>A row of `traces`, as far as a summary shows it.</summary>
public sealed record CapturedTrace(
    string Id, string Path, string Format, string? Kernel, string? Arch, string? Clock, string? ClockUnit, int? Cpus,
    long? StartNs, long? EndNs, long Events, long? Lost, bool Complete)
{
    /// <summary>Of the capture's file; null where nothing says it.</summary>
    public string? Sha256 { get; init; }

    /// <summary>Where it was taken; null where nothing says it.</summary>
    public string? Host { get; init; }
}

/// <summary>A row of `fidelity`: where each comparison of one quantity stands.</summary>
public sealed record FidelityLine(string Model, string? Setting, string Quantity)
{
    public const string Outcome = "outcome";

    /// <summary>One value was predicted, and it is the observed one.</summary>
    public long Matched { get; init; }

    /// <summary>Several were predicted, and the observed one is among them.</summary>
    public long InSet { get; init; }

    public long Missed { get; init; }

    /// <summary>Missed behind a recorded loss of records.</summary>
    public long Lost { get; init; }

    /// <summary>Equal, but read off the fault's own records.</summary>
    public long ReadOff { get; init; }

    /// <summary>Nothing was predicted.</summary>
    public long Unknown { get; init; }

    /// <summary>Nothing was observed.</summary>
    public long Unobserved { get; init; }

    /// <summary>Outcomes in the largest set that was predicted; 0 where none was.</summary>
    public int LargestSet { get; init; }

    public long Total => Covered + Lost + ReadOff + Unknown + Unobserved;

    /// <summary>One value was predicted, and the capture shows whether it is right.</summary>
    public long Decided => Matched + Missed;

    /// <summary>The decided ones and those in a set: what coverage counts.</summary>
    public long Covered => Decided + InSet;

    /// <summary>Outcomes over several captures, whatever the models.</summary>
    public static FidelityLine Sum(IReadOnlyList<FidelityLine> lines) => new("", null, Outcome)
    {
        Matched = lines.Sum(f => f.Matched),
        InSet = lines.Sum(f => f.InSet),
        Missed = lines.Sum(f => f.Missed),
        Lost = lines.Sum(f => f.Lost),
        ReadOff = lines.Sum(f => f.ReadOff),
        Unknown = lines.Sum(f => f.Unknown),
        Unobserved = lines.Sum(f => f.Unobserved),
    };

    public string Name => Setting is null ? Model : $"{Model} {Setting}";
}

/// <summary>How many faults on a page kind ended one way: on the kernel (Source "observed") or in a model.</summary>
public sealed record OutcomeCount(string PageKind, string Outcome, string Source, long Faults);

/// <summary>Faults on which two models differ in one way.</summary>
public sealed record DivergenceLine(string ModelA, string ModelB, string? OutcomeA, string? OutcomeB, string PageKind, string? Cause, long Faults);

/// <summary>A row of `assumptions`.</summary>
public sealed record AssumptionLine(string Assumption, string? Value, double? Share, string? Detail);
