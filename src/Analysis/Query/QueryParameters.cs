using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Query;

/// <summary>The parameters <c>$name</c> of a text of SQL.</summary>
public static class QueryParameters
{
    /// <summary>Their names, in the order in which they first come.</summary>
    public static IReadOnlyList<string> In(string sql) =>
        [.. SqlTokens.Parameters(sql).Distinct(StringComparer.OrdinalIgnoreCase)];

    /// <summary>Refuses values that the SQL has no place for, and places without a value.</summary>
    /// <exception cref="AnalysisException">Names do not fit.</exception>
    public static void Require(string sql, IEnumerable<string> given)
    {
        IReadOnlyList<string> known = In(sql);
        List<string> names = [.. given];
        foreach (string name in names.Where(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase)))
        {
            string has = known.Count == 0 ? "it takes no parameters" : $"it has {string.Join(", ", known.Select(k => "$" + k))}";
            throw new AnalysisException(AnalysisFailure.Usage, $"--param {name}: the query has no ${name}; {has}");
        }

        if (known.FirstOrDefault(name => !names.Contains(name, StringComparer.OrdinalIgnoreCase)) is { } missing)
        {
            throw new AnalysisException(AnalysisFailure.Usage, $"the query has ${missing}: give --param {missing}=VALUE");
        }
    }
}
