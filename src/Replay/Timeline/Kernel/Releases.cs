using System.Globalization;
using System.Text.RegularExpressions;

namespace TraceReplay.Replay.Timeline.Kernel;

/// <summary>Kernel releases from one to before another, as 1000 * major + minor.</summary>
public readonly partial record struct Releases(int From, int Before)
{
    public const int Open = int.MaxValue;

    public static Releases All { get; } = new(0, Open);

    public bool IsEmpty => From >= Before;

    public bool Has(int version) => version >= From && version < Before;

    public Releases And(Releases other) => new(Math.Max(From, other.From), Math.Min(Before, other.Before));

    /// <summary>The release in a text such as uname -r; null if there is none.</summary>
    public static int? Parse(string? release)
    {
        Match match = VersionPattern().Match(release ?? "");
        return match.Success
            && int.TryParse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture, out int major)
            && int.TryParse(match.Groups[2].ValueSpan, CultureInfo.InvariantCulture, out int minor)
            && major < 1000 && minor < 1000
            ? (major * 1000) + minor
            : null;
    }

    public static string Name(int version) => string.Create(CultureInfo.InvariantCulture, $"{version / 1000}.{version % 1000}");

    public override string ToString() => (From, Before) switch
    {
        (0, Open) => "any release",
        (0, _) => $"before {Name(Before)}",
        (_, Open) => $"{Name(From)} or later",
        _ => $"{Name(From)} or later, before {Name(Before)}",
    };

    [GeneratedRegex(@"\b(\d{1,3})\.(\d{1,3})\b")]
    private static partial Regex VersionPattern();
}

/// <summary>Something that a capture shows and only some releases do.</summary>
/// <param name="ByCount">What most of some records show: enough to read the others by, not to say that a name is wrong.</param>
public sealed record ReleaseEvidence(string What, Releases Releases, bool ByCount = false)
{
    public override string ToString() => $"{What} ({Releases})";
}
