using System.Text;
using System.Text.RegularExpressions;

namespace TraceReplay.Ingest.Dataset;

/// <summary>What ran in a capture: what its markers say, what somebody said, or the name of its file.</summary>
public static partial class ScenarioName
{
    private const int Longest = 200;

    /// <summary>Endings of captures and of what they are packed in.</summary>
    public const string Endings = "([.](trace|dat|data|perf|nettrace|txt|text|log|zst|gz|xz|bz2|lz4|zip|tar|tgz))+$";

    /// <summary>The version of a kernel that a file's name begins with.</summary>
    public const string KernelPrefix = "^[0-9]+[.][0-9]+[-.]";

    private static readonly HashSet<string> s_nameless = new(StringComparer.OrdinalIgnoreCase) { "", "-", "trace", "perf", "capture", "data", "stdin", "output", "ftrace" };

    /// <summary>The scenario of a capture.</summary>
    /// <param name="marker">What a marker in it names; null if none does.</param>
    /// <param name="said">What its recorder says; null if nothing.</param>
    /// <param name="path">The capture.</param>
    /// <remarks>A file whose name goes on behind the marker's (ttm.npt0 of ttm) says more than the marker.</remarks>
    public static string Of(string? marker, string? said, string path)
    {
        string stem = Stem(path);
        return marker is null ? said ?? stem : said is null && stem.StartsWith(marker + ".", StringComparison.Ordinal) ? stem : marker;
    }

    /// <summary>Whether a name tells one capture's file from another's.</summary>
    public static bool IsTelling(string name) => !s_nameless.Contains(name);

    /// <summary>The file's name without its endings and the kernel before it.</summary>
    public static string Stem(string path)
    {
        string name = KernelAtBegin().Replace(EndingsAtEnd().Replace(Path.GetFileName(path), ""), "");
        return name.Length <= Longest ? name : name[..Longest];
    }

    /// <summary>The name in a marker such as <c>scenario ttm begin</c> or <c>scenario: ttm</c>; null where it names none.</summary>
    internal static string? InMarker(ReadOnlySpan<byte> record)
    {
        ReadOnlySpan<byte> word = "scenario"u8;
        int at = record.IndexOf(word);
        if (at < 0)
        {
            return null;
        }

        Match match = Marker().Match(Encoding.ASCII.GetString(record.Slice(at, Math.Min(record.Length - at, word.Length + 2 + Longest))));
        return match.Success ? match.Groups[1].Value.TrimEnd('.', '-') : null;
    }

    [GeneratedRegex(Endings)]
    private static partial Regex EndingsAtEnd();

    [GeneratedRegex(KernelPrefix)]
    private static partial Regex KernelAtBegin();

    [GeneratedRegex(@"^scenario[ :=]\s?([A-Za-z0-9_][A-Za-z0-9_.-]*)")]
    private static partial Regex Marker();
}
