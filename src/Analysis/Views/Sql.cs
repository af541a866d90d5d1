using System.Text.RegularExpressions;

namespace TraceReplay.Analysis.Views;

/// <summary>Quoting for DuckDB's SQL.</summary>
public static partial class Sql
{
    public static string Identifier(string name) =>
        PlainIdentifier().IsMatch(name) ? name : "\"" + name.Replace("\"", "\"\"", StringComparison.Ordinal) + "\"";

    public static string Literal(string text) => "'" + text.Replace("'", "''", StringComparison.Ordinal) + "'";

    /// <summary>A path in which the characters that DuckDB's globs give a meaning stand for themselves.</summary>
    public static string GlobSafe(string path) => GlobCharacter().Replace(path, m => $"[{m.Value}]");

    // Reserved words such as `show` or `order` as event names need quotes too; a short list of verbs is not worth its upkeep,
    // so only names with an underscore, which no keyword of ours has, go bare.
    [GeneratedRegex("^[a-z][a-z0-9]*_[a-z0-9_]*$")]
    private static partial Regex PlainIdentifier();

    [GeneratedRegex(@"[\[*?]")]
    private static partial Regex GlobCharacter();
}
