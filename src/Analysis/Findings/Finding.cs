namespace TraceReplay.Analysis.Findings;

/// <summary>How much it matters to whoever runs the guest.</summary>
public enum Severity
{
    /// <summary>Good to know; nothing is wrong with the guest.</summary>
    Note,

    /// <summary>Costs time, or will break under more load.</summary>
    Warning,

    /// <summary>The guest does not get what it should, and goes on.</summary>
    Serious,

    /// <summary>The guest, or one of its vCPUs, stops; or memory is used after it is gone.</summary>
    Critical,
}

/// <summary>A disease with a name: how it is recognised in a capture, what it means, and what to do.</summary>
public sealed record Finding
{
    /// <summary>Short name, as options and tables have it.</summary>
    public required string Id { get; init; }

    public required Severity Severity { get; init; }

    /// <summary>What it is, for a list.</summary>
    public required string Title { get; init; }

    /// <summary>What happens, and why.</summary>
    public required string Meaning { get; init; }

    /// <summary>Kernels that have it, and those that do not any more.</summary>
    public required string Kernels { get; init; }

    /// <summary>Whose doing it is: kernel, driver (of the host), vmm, guest, host (its memory management), model, capture (what was recorded), unknown.</summary>
    public required string Cause { get; init; }

    /// <summary>It is a defect of KVM that its developers know, and later kernels do not have.</summary>
    public bool IsKnownDefect { get; init; }

    /// <summary>What to do about it.</summary>
    public required string Advice { get; init; }

    /// <summary>measured: a record says it; inferred: it follows by a rule that is written down; assumed.</summary>
    public required string Certainty { get; init; }

    /// <summary>How it is recognised, in words.</summary>
    public required string Recognised { get; init; }

    /// <summary>
    /// Signals of a trace without which it cannot be there (<see cref="Signals"/>), so that most traces cost nothing. One of those within
    /// an entry, separated by '|', is enough; all entries must be met.
    /// </summary>
    public IReadOnlyList<string> Needs { get; init; } = [];

    /// <summary>
    /// One SELECT with a row for each trace (and, if it parts them, each buffer, page or cause): trace_id, title, faults, pages,
    /// first_fault, first_seq, evidence; where they differ from the rest, severity, certainty, cause and advice. <c>@name</c> is a relation of
    /// <see cref="Relations"/>.
    /// </summary>
    public required string Sql { get; init; }

    /// <summary>SQL over the views that shows the rows it rests on, for <c>query --sql</c>; TRACE stands for the trace.</summary>
    public required string Rows { get; init; }

    /// <summary>The severity as tables spell it.</summary>
    public static string Spell(Severity severity) => severity switch
    {
        Severity.Critical => "critical",
        Severity.Serious => "serious",
        Severity.Warning => "warning",
        _ => "note",
    };
}
