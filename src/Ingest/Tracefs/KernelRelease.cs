namespace TraceReplay.Ingest.Tracefs;

/// <summary>Releases of kernels, as <c>uname -r</c> prints them.</summary>
internal static class KernelRelease
{
    /// <param name="release"><c>6.12.95+deb12-amd64</c>, <c>6.12</c>; null is of no series.</param>
    /// <param name="series"><c>6.12</c>.</param>
    public static bool IsOf(string? release, string series) => release is not null
        && release.StartsWith(series, StringComparison.Ordinal)
        && (release.Length == series.Length || !char.IsAsciiDigit(release[series.Length]));

    /// <summary>
    /// The release in a line that names it: the kernel's own banner (<c>Linux version 6.12.95 (…</c>), or what <c>uname -a</c> prints
    /// (<c>Linux host 6.12.95 #1 SMP …</c>); null if it is no such line.
    /// </summary>
    public static string? InLine(string line)
    {
        string[] words = line[Math.Max(0, line.IndexOf("Linux ", StringComparison.Ordinal))..].Split(' ', 5, StringSplitOptions.RemoveEmptyEntries);
        bool names = words.Length >= 4 && words[0] == "Linux" && (words[1] == "version" ? words[3][0] == '(' : words[3][0] == '#');
        return names && words[2].Length > 2 && char.IsAsciiDigit(words[2][0]) && words[2].Contains('.', StringComparison.Ordinal) ? words[2] : null;
    }
}
