using System.Text.RegularExpressions;
using TraceReplay.Analysis.Compaction;

namespace TraceReplay.Analysis.Views;

/// <summary>The Parquet files behind a view that cannot be read.</summary>
/// <param name="Files">Their paths.</param>
/// <param name="SelectWithout">The view's SELECT over the others.</param>
internal sealed partial record ParquetDamage(IReadOnlyList<string> Files, string SelectWithout)
{
    /// <param name="select">A SELECT that reads Parquet files by patterns.</param>
    /// <param name="isReadable">Whether a file's description can be read.</param>
    public static ParquetDamage Find(string select, Func<string, bool> isReadable)
    {
        List<string> bad = [];
        string without = Pattern().Replace(select, match =>
        {
            string pattern = match.Groups["path"].Value.Replace("''", "'", StringComparison.Ordinal);
            string folder = Bracketed().Replace(pattern[..pattern.IndexOf("/*", StringComparison.Ordinal)], "$1");
            List<string> good = [];
            string[] files = Directory.Exists(folder) ? Directory.GetFiles(folder, "*.parquet", SearchOption.AllDirectories) : [];
            foreach (string file in files.Order(StringComparer.Ordinal))
            {
                (isReadable(file) ? good : bad).Add(file);
            }

            return good.Count == 0 ? match.Value : $"read_parquet([{string.Join(", ", good.Select(f => Sql.Literal(Sql.GlobSafe(f))))}]";
        });
        return new ParquetDamage(bad, without);
    }

    /// <summary>The day of a compacted file, which holds rows of many captures; null for a capture's own.</summary>
    public static string? CompactedDay(string file) =>
        file.Split('/', '\\') is var parts && parts.Contains(CompactedLayout.Root) && Array.FindLast(parts, p => p.StartsWith("date=", StringComparison.Ordinal)) is { } day ? day["date=".Length..] : null;

    [GeneratedRegex(@"read_parquet\('(?<path>(?:[^']|'')*)'")]
    private static partial Regex Pattern();

    [GeneratedRegex(@"\[([\[*?])\]")]
    private static partial Regex Bracketed();
}
