using System.Text.RegularExpressions;

namespace TraceReplay.Analysis.Findings;

/// <summary>Findings of one trace that say the same of different places: passes over one buffer, memslots of one driver.</summary>
/// <param name="First">The first of them.</param>
/// <param name="Others">The others, in order.</param>
public sealed partial record AlikeFindings(FindingRow First, IReadOnlyList<FindingRow> Others)
{
    /// <summary>Each row once, in the order of the first of its like.</summary>
    public static IReadOnlyList<AlikeFindings> Of(IEnumerable<FindingRow> findings) =>
        [.. findings.GroupBy(f => (f.TraceId, f.Finding, f.Severity, f.Certainty, f.Cause, Numbers().Replace(f.Title, "#"))).Select(g => new AlikeFindings(g.First(), [.. g.Skip(1)]))];

    /// <summary>Title and evidence, and how often else; sentences.</summary>
    public string Says() => Others.Count == 0
        ? $"{Prose.Sentence(First.Title)} {Prose.Sentence(First.Evidence)}"
        : $"{Prose.Sentence(First.Title)} {Prose.Sentence(First.Evidence)} The same {Prose.Count(Others.Count, "time", "times")} more, with other places and numbers{(Others.Sum(f => f.Faults ?? 0) is > 0 and var faults ? $": {Prose.Count(faults)} faults" : "")}{FirstFaults()}.";

    private string FirstFaults()
    {
        const int most = 4;
        List<long> first = [.. Others.Select(f => f.FirstFault).OfType<long>()];
        return first.Count == 0 ? "" : $", first {string.Join(", ", first.Take(most))}{(first.Count > most ? " and so on" : "")}";
    }

    [GeneratedRegex("0x[0-9a-f]+|[0-9]+")]
    private static partial Regex Numbers();
}
