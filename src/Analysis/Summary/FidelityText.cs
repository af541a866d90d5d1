namespace TraceReplay.Analysis.Summary;

/// <summary>A line of `fidelity` in words. No percentage stands without the coverage that it is worth.</summary>
internal static class FidelityText
{
    /// <summary>The outcomes in full: agreement, sets, coverage, and what is not covered.</summary>
    public static string Outcomes(FidelityLine line)
    {
        string gaps = string.Join(", ", Gaps(line));
        if (line.Covered == 0)
        {
            return $"no outcome could be compared, so nothing says how far the model is right: of {Prose.Count(line.Total, "fault", "faults")} {gaps}";
        }

        string decided = line.Decided == 0 ? "none decided" : $"{Prose.Count(line.Matched)} of {Prose.Count(line.Decided)} decided ({Prose.Percent(line.Matched, line.Decided)})";
        return $"{line.Quantity} {decided}{Sets(line)}, coverage {Coverage(line)} of {Prose.Count(line.Total, "fault", "faults")}{(gaps.Length > 0 ? ", " : "")}{gaps}";
    }

    /// <summary>Another quantity, shorter; the query `fidelity` has the rest.</summary>
    public static string Other(FidelityLine line) => line.Missed + line.InSet == 0
        ? $"{line.Quantity} {Prose.Count(line.Covered)}{(line.Covered == line.Total ? "" : $" (coverage {Coverage(line)})")}"
        : $"{line.Quantity} {Prose.Count(line.Matched)} of {Prose.Count(line.Decided)} ({Prose.Percent(line.Matched, line.Decided)}, coverage {Coverage(line)}){Sets(line)}";

    private static string Coverage(FidelityLine line) => Prose.Percent(line.Covered, line.Total);

    /// <summary>What coverage leaves out, by what became of it.</summary>
    public static IEnumerable<string> Gaps(FidelityLine line)
    {
        (long Count, string Text)[] gaps =
        [
            (line.Lost, "missed behind lost records"),
            (line.ReadOff, "read off the fault's own records"),
            (line.Unknown, "not predicted"),
            (line.Unobserved, "not observed"),
        ];
        return gaps.Where(gap => gap.Count > 0).Select(gap => $"{Prose.Count(gap.Count)} {gap.Text}");
    }

    private static string Sets(FidelityLine line) => line.InSet == 0 ? "" : $", {Prose.Count(line.InSet)} " + line.LargestSet switch
    {
        2 => "in a set of two",
        > 2 => $"in sets of up to {line.LargestSet}",
        _ => "in a set",
    };
}
