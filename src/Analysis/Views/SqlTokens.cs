using System.Text.RegularExpressions;

namespace TraceReplay.Analysis.Views;

/// <summary>The words of a text of SQL, as far as somebody has to know which are names: what stands in literals, comments and dollar-quoted text is none.</summary>
internal static partial class SqlTokens
{
    /// <summary>Identifiers and keywords, quoted ones without their quotes.</summary>
    public static IEnumerable<string> Words(string sql) => Tokens().Matches(sql)
        .Select(m => m.Groups["quoted"].Success ? m.Groups["quoted"].Value.Replace("\"\"", "\"", StringComparison.Ordinal) : m.Groups["word"].Value)
        .Where(word => word.Length > 0);

    /// <summary>Names of parameters, <c>$name</c>, as often as they come.</summary>
    public static IEnumerable<string> Parameters(string sql) => Tokens().Matches(sql).Where(m => m.Groups["parameter"].Success).Select(m => m.Groups["parameter"].Value);

    [GeneratedRegex("""
        "(?<quoted>(?:[^"]|"")*)"|[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\$(?<tag>\w*)\$.*?\$\k<tag>\$|\$(?<parameter>\w+)|(?<word>[\p{L}_][\p{L}\p{N}_$]*)
        """, RegexOptions.Singleline)]
    private static partial Regex Tokens();
}
