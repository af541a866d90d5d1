namespace TraceReplay.Analysis.Summary;

/// <summary>Short names for captures that stand in one table.</summary>
internal static class CaptureNames
{
    private const char Separator = '/';

    /// <summary>
    /// A file's own name; where two captures share it, as trace.dat of many hosts, with as many folders before it as tell them apart, and
    /// of those the end where the width does not hold them.
    /// </summary>
    public static IReadOnlyList<string> Of(IReadOnlyList<string> paths, int width)
    {
        string[][] parts = [.. paths.Select(path => path.Split(Separator, StringSplitOptions.RemoveEmptyEntries))];
        int[] kept = [.. paths.Select(_ => 1)];
        string Name(int i) => string.Join(Separator, parts[i].TakeLast(kept[i]));
        for (bool more = true; more;)
        {
            more = false;
            foreach (int i in Enumerable.Range(0, paths.Count).GroupBy(Name).Where(same => same.Select(i => paths[i]).Distinct().Count() > 1).SelectMany(same => same).ToList())
            {
                if (kept[i] < parts[i].Length)
                {
                    kept[i]++;
                    more = true;
                }
            }
        }

        return [.. Enumerable.Range(0, paths.Count).Select(i => kept[i] == 1 ? Prose.Shortened(Name(i), width) : Ending(Name(i), width))];
    }

    private static string Ending(string name, int width) => name.Length <= width ? name : string.Concat("…", name.AsSpan(name.Length - width + 1));
}
