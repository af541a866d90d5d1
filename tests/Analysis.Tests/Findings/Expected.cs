using System.Text.RegularExpressions;
using TraceReplay.Analysis.Findings;

namespace TraceReplay.Analysis.Tests.Findings;

/// <summary>A line of expected.txt: a finding that captures must show, may show, or should show and do not yet.</summary>
internal sealed record Expected(string Finding, string Kind, string[] Captures, string Why)
{
    public static IReadOnlyList<Expected> All { get; } =
    [
        .. File.ReadLines(Path.Combine(LibraryTests.RepositoryRoot(), "tests", "Analysis.Tests", "Findings", "expected.txt"))
            .Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => line.Split(" | "))
            .Select(cells => new Expected(cells[0], cells[1], cells[2].Split(' '), cells[3])),
    ];

    public bool Names(string capture) => Captures.Any(pattern => Regex.IsMatch(capture, Pattern(pattern)));

    /// <summary>Captures in which a finding is found, and in which it must be.</summary>
    /// <param name="Must">It is there, as others say; a capture that cannot be read counts where something is missed in it.</param>
    /// <param name="Found">Of these, those in which it is found.</param>
    /// <param name="May">Found where nobody says whether it is there.</param>
    /// <param name="Wrong">Found where it is not.</param>
    /// <param name="Absent">Captures in which it is not found and must not be.</param>
    internal sealed record Tally(string Finding, string[] Must, string[] Found, string[] May, string[] Wrong, string[] Absent)
    {
        public static Tally Of(Finding finding, ShownCaptures shown)
        {
            IReadOnlyDictionary<string, FindingRow[]> captures = shown.Found;
            Expected[] lines = [.. All.Where(e => e.Finding == finding.Id)];
            HashSet<string> must = [.. captures.Keys.Where(c => lines.Any(e => e.Kind != "may" && e.Names(c)))];
            HashSet<string> may = [.. captures.Keys.Where(c => !must.Contains(c) && lines.Any(e => e.Kind == "may" && e.Names(c)))];
            HashSet<string> found = [.. captures.Where(c => c.Value.Any(f => f.Finding == finding.Id)).Select(c => c.Key)];
            return new Tally(
                finding.Id,
                [.. must.Concat(shown.Refused.Keys.Where(c => lines.Any(e => e.Kind == "missed" && e.Names(c)))).Order(StringComparer.Ordinal)],
                [.. must.Where(found.Contains)],
                [.. may.Where(found.Contains)],
                [.. found.Where(c => !must.Contains(c) && !may.Contains(c)).Order(StringComparer.Ordinal)],
                [.. captures.Keys.Where(c => !found.Contains(c) && !must.Contains(c) && !may.Contains(c))]);
        }
    }

    private static string Pattern(string glob) =>
        "^" + Regex.Escape(glob).Replace("\\*", "[^/]*", StringComparison.Ordinal).Replace("\\{", "(?:", StringComparison.Ordinal).Replace("}", ")", StringComparison.Ordinal).Replace(",", "|", StringComparison.Ordinal) + "$";
}
