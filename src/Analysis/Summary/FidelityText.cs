namespace TraceReplay.Analysis.Summary;

/// <summary>A line of `fidelity` in words. No percentage stands without the coverage that it is worth.</summary>
internal static class FidelityText
{
    /// <summary>One quantity with its agreement, its sets, its coverage and what is not covered.</summary>
    /// <param name="of">What the total counts; empty = nothing more than the number.</param>
    public static string Say(FidelityLine line, string of)
    {
        if (line.Covered == 0)
        {
            return $"{line.Quantity} not compared at all, coverage 0 % of {Prose.Count(line.Total)}{of}: {string.Join(", ", Gaps(line))}";
        }

        string decided = line.Decided == 0 ? "none decided" : $"{Prose.Count(line.Matched)} of {Prose.Count(line.Decided)} decided ({Prose.Percent(line.Matched, line.Decided)})";
        string sets = line.InSet == 0 ? "" : $", {Prose.Count(line.InSet)} {Set(line)}";
        string gaps = string.Concat(Gaps(line).Select(gap => ", " + gap));
        return $"{line.Quantity} {decided}{sets}, coverage {Prose.Percent(line.Covered, line.Total)} of {Prose.Count(line.Total)}{of}{gaps}";
    }

    /// <summary>A quantity without a miss: how many there were, and their coverage where it is not all.</summary>
    public static string Short(FidelityLine line) =>
        $"{line.Quantity} {Prose.Count(line.Covered)}{(line.Covered == line.Total ? "" : $" (coverage {Prose.Percent(line.Covered, line.Total)})")}";

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

    private static string Set(FidelityLine line) => line.LargestSet switch
    {
        2 => "in a set of two",
        > 2 => $"in sets of up to {line.LargestSet}",
        _ => "in a set",
    };
}
