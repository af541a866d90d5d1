using System.Text.RegularExpressions;

namespace TraceReplay.Analysis.Probes;

/// <summary>One dynamic event, as tracefs takes it.</summary>
/// <param name="Text">The line for <c>dynamic_events</c>.</param>
/// <param name="Name">The event's name, without its group.</param>
/// <param name="Arguments">Names of its fields.</param>
public sealed partial record ProbeDefinition(string Text, string Name, string Function, bool IsReturn, IReadOnlyList<string> Arguments)
{
    /// <summary>The group of all our events: what bears it is ours to take away.</summary>
    public const string Group = "tracereplay";

    private static readonly char[] s_space = [' '];

    /// <summary>A return probe that leaves out what it would read of the arguments, which kernels before 6.9 refuse; null if it reads none.</summary>
    public ProbeDefinition? ReturnValueOnly
    {
        get
        {
            string[] words = Text.Split(s_space, StringSplitOptions.RemoveEmptyEntries);
            string[] kept = [.. words.Where((w, i) => i < 2 || w.Contains("$retval", StringComparison.Ordinal))];
            return IsReturn && kept.Length < words.Length && kept.Length > 2 ? Parse(string.Join(' ', kept)) : null;
        }
    }

    /// <exception cref="FormatException">The line is no definition of our group.</exception>
    public static ProbeDefinition Parse(string line)
    {
        Match match = Pattern().Match(line);
        return match.Success
            ? new ProbeDefinition(line, match.Groups[2].Value, match.Groups[3].Value, match.Groups[1].Value == "r", [.. match.Groups[4].Captures.Select(c => c.Value)])
            : throw new FormatException($"no definition of group {Group}: {line}");
    }

    [GeneratedRegex(@"^([pr]):tracereplay/(\w+) (\w+)(?: (\w+)=\S+)*$")]
    private static partial Regex Pattern();
}
