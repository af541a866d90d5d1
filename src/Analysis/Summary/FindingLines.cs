using System.Globalization;
using TraceReplay.Analysis.Findings;

namespace TraceReplay.Analysis.Summary;

/// <summary>The findings at the head of a summary: what matters in full, the rest by name.</summary>
internal static class FindingLines
{
    private const int Most = 6;

    /// <summary>Label and text of each line.</summary>
    public static IEnumerable<(string Label, string Text)> Of(IReadOnlyList<FindingRow> findings)
    {
        List<AlikeFindings> alike = [.. AlikeFindings.Of(findings.Where(f => f.Severity != Finding.Spell(Severity.Note))).Take(Most)];
        foreach (AlikeFindings f in alike)
        {
            string fault = f.First.FirstFault is { } first ? string.Create(CultureInfo.InvariantCulture, $"; first fault {first}") : "";
            yield return (f.First.Severity, $"{f.Says()} [{f.First.Finding}, {f.First.Certainty}; {f.First.Cause}{fault}]");
        }

        List<FindingRow> told = [.. alike.SelectMany(f => f.Others.Prepend(f.First))];
        string[] others = [.. findings.Except(told).GroupBy(f => f.Finding).Select(g => g.Count() > 1 ? $"{g.Key} ({g.Count()})" : g.Key)];
        if (others.Length > 0)
        {
            yield return ("note", $"{(told.Count > 0 ? "also" : "found")}: {string.Join(", ", others)} (tracereplay findings)");
        }
    }
}
