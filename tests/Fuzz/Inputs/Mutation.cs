using System.Globalization;
using System.Text.RegularExpressions;

namespace TraceReplay.Fuzz.Inputs;

/// <summary>
/// Makes a recording into another that is well-formed and that no kernel need have written: events dropped, doubled, moved, with values
/// as extreme as their fields take. The same seed makes the same text.
/// </summary>
internal static partial class Mutation
{
    private static readonly string[] s_extremes =
    [
        "0x0", "0x1", "0x7f", "0x80", "0xff", "0xfff", "0x1000", "0x7fffffff", "0x80000000", "0xffffffff", "0x100000000", "0xfffffffff",
        "0x7fffffffffffffff", "0x8000000000000000", "0xfffffffffffff000", "0xfffffffffffffff2", "0xfffffffffffffffe", "0xffffffffffffffff",
    ];

    /// <param name="lines">A recording's rows in the order of time.</param>
    public static List<string> Of(IReadOnlyList<string> lines, int seed, int most)
    {
        Random random = new(seed);
        int from = random.Next(Math.Max(1, lines.Count - 50));
        List<string> text = [.. lines.Skip(from).Take(random.Next(20, most))];
        for (int round = random.Next(1, 5); round > 0 && text.Count > 2; round--)
        {
            text = random.Next(9) switch
            {
                0 => WithoutAKind(text, random),
                1 => [.. text.Where(_ => random.NextDouble() > 0.1)],
                2 => [.. text.SelectMany(line => random.NextDouble() < 0.1 ? [line, line] : (string[])[line])],
                3 => Swapped(text, random, Task),
                4 => Swapped(text, random, _ => ""),
                5 => Moved(text, random),
                6 => [.. text.Select(line => random.NextDouble() < 0.2 ? Task(line) is { Length: > 0 } task ? line.Replace(task, OtherTask(text, random), StringComparison.Ordinal) : line : line)],
                _ => [.. text.Select(line => random.NextDouble() < 0.15 ? Extreme(line, random) : line)],
            };
        }

        return text;
    }

    private static List<string> WithoutAKind(List<string> text, Random random)
    {
        string kind = Kind(text[random.Next(text.Count)]);
        return [.. text.Where(line => Kind(line) != kind)];
    }

    /// <summary>Rows change places with a near one of the same group; times stay where they are.</summary>
    private static List<string> Swapped(List<string> text, Random random, Func<string, string> group)
    {
        for (int n = text.Count / 10; n > 0; n--)
        {
            int a = random.Next(text.Count);
            int b = Math.Min(text.Count - 1, a + random.Next(1, 20));
            if (group(text[a]) == group(text[b]))
            {
                (text[a], text[b]) = (AtTime(text[b], Time(text[a])), AtTime(text[a], Time(text[b])));
            }
        }

        return text;
    }

    /// <summary>A stretch goes elsewhere, with the times of that place.</summary>
    private static List<string> Moved(List<string> text, Random random)
    {
        int length = random.Next(1, Math.Max(2, text.Count / 4));
        int from = random.Next(text.Count - length + 1);
        List<string> stretch = text.GetRange(from, length);
        text.RemoveRange(from, length);
        int to = text.Count == 0 ? 0 : random.Next(text.Count);
        string time = text.Count == 0 ? Time(stretch[0]) : Time(text[to]);
        text.InsertRange(to, stretch.Select(line => AtTime(line, time)));
        return text;
    }

    private static string Extreme(string line, Random random)
    {
        MatchCollection values = Value().Matches(line);
        if (values.Count == 0)
        {
            return line;
        }

        Group value = values[random.Next(values.Count)].Groups[1];
        return string.Concat(line.AsSpan(0, value.Index), s_extremes[random.Next(s_extremes.Length)], line.AsSpan(value.Index + value.Length));
    }

    private static string OtherTask(List<string> text, Random random) =>
        random.Next(4) == 0 ? string.Create(CultureInfo.InvariantCulture, $"-{random.Next(0, 5)} [") : Task(text[random.Next(text.Count)]);

    private static string Kind(string line) => KindOf().Match(line).Groups[1].Value;

    private static string Task(string line) => TaskOf().Match(line).Value;

    private static string Time(string line) => TimeOf().Match(line).Value;

    private static string AtTime(string line, string time) => time.Length == 0 ? line : TimeOf().Replace(line, time, 1);

    [GeneratedRegex(@"-\d+ \[")]
    private static partial Regex TaskOf();

    [GeneratedRegex(@" \d+\.\d+: ")]
    private static partial Regex TimeOf();

    [GeneratedRegex(@"\d: ([a-z0-9_]+): ")]
    private static partial Regex KindOf();

    [GeneratedRegex(@"[a-z_]=(0x[0-9a-f]+|-?\d+)")]
    private static partial Regex Value();
}
