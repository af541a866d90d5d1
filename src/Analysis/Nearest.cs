namespace TraceReplay.Analysis;

/// <summary>Names that somebody who mistyped one may have meant.</summary>
public static class Nearest
{
    private const int Most = 3;

    /// <summary>The nearest names first, at most three; none that is not near.</summary>
    public static IReadOnlyList<string> Of(string word, IEnumerable<string> names) =>
        [.. names.Distinct(StringComparer.OrdinalIgnoreCase)
            .Select(name => (Name: name, Distance: Distance(word, name)))
            .Where(near => near.Distance <= Math.Max(1, Math.Min(word.Length, near.Name.Length) / 3) || Holds(word, near.Name))
            .OrderBy(near => near.Distance).ThenBy(near => near.Name, StringComparer.Ordinal)
            .Take(Most)
            .Select(near => near.Name)];

    /// <summary>"; did you mean a, b or c?", or nothing.</summary>
    public static string Hint(string word, IEnumerable<string> names) => Of(word, names) switch
    {
        [] => "",
        [var only] => $"; did you mean {only}?",
        var several => $"; did you mean {string.Join(", ", several.SkipLast(1))} or {several[^1]}?",
    };

    // A word of three letters is in too many names.
    private static bool Holds(string word, string name) =>
        Math.Min(word.Length, name.Length) > 3 && (name.Contains(word, StringComparison.OrdinalIgnoreCase) || word.Contains(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Letters to insert, delete, replace, or swap with their neighbour, whatever their case.</summary>
    private static int Distance(string a, string b)
    {
        int[,] steps = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                steps[i, j] = i == 0 ? j : j == 0 ? i : Math.Min(
                    Math.Min(steps[i - 1, j], steps[i, j - 1]) + 1,
                    steps[i - 1, j - 1] + (Same(a[i - 1], b[j - 1]) ? 0 : 1));
                if (i > 1 && j > 1 && Same(a[i - 1], b[j - 2]) && Same(a[i - 2], b[j - 1]))
                {
                    steps[i, j] = Math.Min(steps[i, j], steps[i - 2, j - 2] + 1);
                }
            }
        }

        return steps[a.Length, b.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
