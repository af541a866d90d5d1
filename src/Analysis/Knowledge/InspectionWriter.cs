using TraceReplay.Analysis.Query;

namespace TraceReplay.Analysis.Knowledge;

/// <summary>Shows inspections: for people as text, for programs as rows.</summary>
public static class InspectionWriter
{
    private const int Indent = 13;
    private const int FactIndent = 49;
    private const int AdviceIndent = 53;

    /// <summary>What the capture is, its events, and what a replay of it can know.</summary>
    public static void Write(TextWriter output, CaptureInspection capture)
    {
        output.Write($"{capture.Path}\n");
        foreach ((string name, string? value) in Properties(capture).Where(p => p.Value is not null))
        {
            Prose.Labelled(output, "  " + name, value!, Indent);
        }

        foreach (string warning in capture.Warnings)
        {
            Prose.Labelled(output, "  warning", warning, Indent);
        }

        output.Write('\n');
        IEnumerable<KeyValuePair<string, long>> events = capture.Events.OrderByDescending(e => e.Value).ThenBy(e => e.Key, StringComparer.Ordinal);
        TextTable.Write(output, [new("event"), new("records", true)], [.. events.Select(e => new[] { e.Key, Prose.Count(e.Value) })], "  ");
        output.Write("\n  what a replay of it can know, infer or must assume\n");
        IReadOnlyList<KnownFact> facts = ReplayKnowledge.Assess(capture.Contents);
        foreach (KnownFact fact in facts)
        {
            string label = $"  {Name(fact.Certainty),-10}{fact.Fact}";
            string record = fact.ToKnow.Length == 0 ? "" : $" (record: {fact.ToKnow})";
            Prose.Labelled(output, label, fact.From + record, FactIndent);
        }

        IReadOnlyList<CoverageGain> gains = CoverageAdvice.For(capture.Contents);
        if (gains.Count > 0)
        {
            output.Write("\n  what would raise its coverage most\n");
            foreach (CoverageGain gain in gains)
            {
                Prose.Labelled(output, $"  {gain.Source.Advice}", gain.Faults == 0 ? gain.Tells : $"{gain.Tells} (up to {Prose.Count(gain.Faults)} faults)", AdviceIndent);
            }
        }

        if (facts.Any(f => f.ToKnow.Contains("probe on", StringComparison.Ordinal)))
        {
            string kernel = (capture.Kernel is null ? "" : $" --kernel {capture.Kernel}")
                + (Machines.OfRelease(capture.Kernel) is null ? $" --arch {Machines.Name(capture.Contents.Machine)}" : "");
            output.Write($"\n  how to record that: tracereplay probes{kernel}\n  the few that were enough: tracereplay probes --small{kernel}\n");
        }

        output.Write('\n');
    }

    /// <summary>One row for each property, event and fact of each capture.</summary>
    public static RowSet Rows(IEnumerable<CaptureInspection> captures) => new(
        [new("capture", "VARCHAR"), new("section", "VARCHAR"), new("name", "VARCHAR"), new("value", "VARCHAR"), new("source", "VARCHAR"), new("to_know", "VARCHAR")],
        [.. captures.SelectMany(Rows)]);

    private static IEnumerable<object?[]> Rows(CaptureInspection capture) =>
    [
        .. Properties(capture).Select(p => new object?[] { capture.Path, "capture", p.Name, p.Value, null, null }),
        .. capture.Events.OrderBy(e => e.Key, StringComparer.Ordinal).Select(e => new object?[] { capture.Path, "event", e.Key, e.Value, null, null }),
        .. ReplayKnowledge.Assess(capture.Contents).Select(f => new object?[] { capture.Path, "knowledge", f.Fact, Name(f.Certainty), f.From, f.ToKnow }),
        .. CoverageAdvice.For(capture.Contents).Select(g => new object?[] { capture.Path, "coverage", g.Tells, Prose.Count(g.Faults), null, g.Source.Advice }),
    ];

    private static IEnumerable<(string Name, string? Value)> Properties(CaptureInspection capture) =>
    [
        ("format", $"{capture.Format} {capture.Version}".TrimEnd()),
        ("kernel", capture.Kernel),
        ("machine", $"{capture.Arch} {capture.CpuVendor}".Trim() is { Length: > 0 } machine ? machine : null),
        ("host", capture.Host),
        ("clock", capture.Clock is null ? null : capture.ClockUnit == "ns" ? capture.Clock : $"{capture.Clock}, counts {capture.ClockUnit}"),
        ("CPUs", Prose.Count(capture.Cpus)),
        ("span", Span(capture)),
        ("events", Prose.Count(capture.EventCount)),
        ("lost", capture.Lost is { } lost ? Prose.Count(lost) : "unknown number"),
        ("damage", capture.Damage?.ToString()),
    ];

    private static string? Span(CaptureInspection capture) => capture is not { Start: { } start, End: { } end }
        ? null
        : capture.ClockUnit == "ns"
            ? FormattableString.Invariant($"{(end - start) / 1e9:0.000000} s, from {start / 1e9:0.000000} s")
            : FormattableString.Invariant($"{end - start} {capture.ClockUnit}, from {start}");

    private static string Name(Certainty certainty) => certainty switch
    {
        Certainty.Known => "known",
        Certainty.Inferred => "inferred",
        _ => "assumed",
    };
}
