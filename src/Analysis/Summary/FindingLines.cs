using TraceReplay.Analysis.Findings;

namespace TraceReplay.Analysis.Summary;

/// <summary>The findings at the head of a summary: what matters in full, the rest by name.</summary>
internal static class FindingLines
{
    private const int Most = 6;

    /// <summary>Label and text of each line.</summary>
    public static IEnumerable<(string Label, string Text)> Of(IReadOnlyList<FindingRow> findings)
    {
        List<FindingRow> told = [.. findings.Where(f => f.Severity != Finding.Spell(Severity.Note)).Take(Most)];
        foreach (FindingRow f in told)
        {
            yield return (f.Severity, $"{Prose.Sentence(f.Title)} {Prose.Sentence(f.Evidence)} [{f.Finding}, {f.Certainty}; {f.Cause}]");
        }

        string[] others = [.. findings.Except(told).GroupBy(f => f.Finding).Select(g => g.Count() > 1 ? $"{g.Key} ({g.Count()})" : g.Key)];
        if (others.Length > 0)
        {
            yield return ("note", $"{(told.Count > 0 ? "also" : "found")}: {string.Join(", ", others)} (tracereplay findings)");
        }
    }
}
