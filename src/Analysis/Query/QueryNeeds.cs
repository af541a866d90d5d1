using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Query;

/// <summary>
/// What a capture must hold before a query can say anything of it, from the line "Needs:" of its comment: so "there is none" is told from
/// "nothing recorded could show it". Requirements stand behind one another with commas, alternatives with "or".
/// </summary>
public static class QueryNeeds
{
    private const string Section = "needs";
    private const int MostNamed = 3;

    // What a requirement asks of a row of `traces` t, and what is said of a capture without it.
    private static readonly Dictionary<string, (string Condition, string Without)> s_words = new(StringComparer.Ordinal)
    {
        ["nothing"] = ("true", ""),
        ["replay"] = ("t.trace_id IN (SELECT trace_id FROM assumptions)", "not replayed"),
        ["fault"] = ("t.trace_id IN (SELECT trace_id FROM faults)", "no fault"),
        ["end"] = ("t.trace_id IN (SELECT trace_id FROM faults WHERE observed_outcome <> 'UNKNOWN')", "no fault whose end is known"),
        ["kernel"] = ("t.trace_id IN (SELECT trace_id FROM fidelity)", "no model of its kernel was compared"),
        ["memslots"] = ("t.trace_id NOT IN (SELECT trace_id FROM assumptions WHERE assumption = 'AS-1' AND value = 'unknown')", "no memslot known"),
        ["losses"] = ("(t.format NOT LIKE '% text' OR t.lost > 0)", "a text need not tell losses"),
        ["compared"] = ("t.trace_id IN (SELECT trace_id FROM assumptions WHERE inferred IS NOT NULL)", "not replayed with --ignore-probes"),
    };

    /// <summary>What to say behind the rows of a query of the library; null where they speak for themselves.</summary>
    /// <param name="session">The dataset.</param>
    /// <param name="sql">The query, with its comment.</param>
    /// <param name="rows">Rows that it gave.</param>
    public static string? Note(DatasetSession session, string sql, long rows)
    {
        if (Requirements(sql) is not { Count: > 0 } needs)
        {
            return null;
        }

        // The first requirement that is not met is the reason, as each rests on those before it.
        string reason = string.Concat(needs.Select(n => $" WHEN NOT ({n.Condition}) THEN {Sql.Literal(n.Without)}"));
        var without = session.Select(
            $"SELECT reason, count(*), list_slice(list(parse_filename(path) ORDER BY path), 1, {MostNamed}) FROM (SELECT t.path, CASE{reason} END AS reason FROM traces t) GROUP BY reason ORDER BY reason",
            r => (Reason: r.IsDBNull(0) ? null : r.GetString(0), Captures: r.GetInt64(1), Files: (List<string>)r.GetValue(2)));
        long all = without.Sum(w => w.Captures);
        long judged = without.Where(w => w.Reason is null).Sum(w => w.Captures);
        string cannot = string.Join("; ", without.Where(w => w.Reason is not null)
            .Select(w => $"{w.Reason} ({string.Join(", ", w.Files)}{(w.Captures > w.Files.Count ? $" and {Prose.Count(w.Captures - w.Files.Count)} more" : "")})"));
        string of = Prose.Count(all, "capture", "captures");
        return (rows, judged == all) switch
        {
            _ when all == 0 => "no capture is in the dataset",
            (0, true) => $"none, and {(all == 1 ? "the capture could show it" : $"all {of} could show it")}",
            (0, false) when judged == 0 => $"cannot be judged: {cannot}",
            (0, false) => $"none in {Prose.Count(judged)} of {of}; of the others it cannot be judged: {cannot}",
            (_, true) => null,
            _ => $"{Prose.Count(all - judged)} of {of} cannot be judged: {cannot}",
        };
    }

    /// <summary>The requirements of a query.</summary>
    /// <exception cref="AnalysisException">The line has a word that is none.</exception>
    public static IReadOnlyList<(string Condition, string Without)> Requirements(string sql)
    {
        string? line = QueryNotes.Of("", sql).Sections.FirstOrDefault(s => s.Name == Section).Text;
        return line is null ? [] : [.. line.TrimEnd('.').Split(',', StringSplitOptions.TrimEntries).Select(Requirement)];
    }

    private static (string Condition, string Without) Requirement(string text)
    {
        if (s_words.TryGetValue(text, out (string Condition, string Without) word))
        {
            return word;
        }

        string[] names = text.Split(" or ", StringSplitOptions.TrimEntries);
        return names.All(IsName)
            ? ($"({string.Join(" OR ", names.Select(Recorded))})", $"no {string.Join(" or ", names)}")
            : throw new AnalysisException(AnalysisFailure.Usage, $"Needs: {text}: expected {string.Join(", ", s_words.Keys)}, an event, or a probed FUNCTION()");
    }

    private static bool IsName(string name) => name.Length > 0 && name.Replace("()", "", StringComparison.Ordinal).All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    // An event by its name; FUNCTION() is a probe on that function, whatever it is called.
    private static string Recorded(string name) => name.EndsWith("()", StringComparison.Ordinal)
        ? $"t.trace_id IN (SELECT trace_id FROM probe_sites WHERE function = {Sql.Literal(name[..^2])})"
        : $"t.trace_id IN (SELECT trace_id FROM event_counts WHERE event = {Sql.Literal(name)})";
}
