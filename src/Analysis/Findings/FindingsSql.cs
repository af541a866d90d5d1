using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Findings;

/// <summary>The catalogue as SQL: the view <c>findings</c> and the helper views that it stands on.</summary>
internal static class FindingsSql
{
    public const string View = "findings";

    /// <summary>Its columns; it has no files of its own.</summary>
    public static TableSchema Schema { get; } = TableSchema.Parse(View, "", """
        trace_id VARCHAR, finding VARCHAR, severity VARCHAR, title VARCHAR, faults BIGINT, pages BIGINT, first_fault BIGINT, first_seq BIGINT,
        certainty VARCHAR, cause VARCHAR, evidence VARCHAR, advice VARCHAR
        """);

    /// <summary>
    /// The views of a dataset, those that others stand on first: as <see cref="Made"/> makes them, which takes longer than the rest of
    /// a dataset's views together. src/Analysis/Findings/views.tsv has a line for each: its name, the views it reads, its SELECT.
    /// </summary>
    public static IEnumerable<ViewDefinition> Views()
    {
        foreach (string line in Resource.Text("Findings.views.tsv").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = line.Split('\t', 3);
            yield return new ViewDefinition(parts[0], parts[2]) { Over = parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries) };
        }
    }

    /// <summary>The lines of the file.</summary>
    internal static string Lines() => string.Concat(Made().Select(view => $"{view.Name}\t{string.Join(' ', view.Over)}\t{view.Select}\n"));

    internal static IReadOnlyList<ViewDefinition> Made() =>
    [
        .. Relations.All.Where(r => !Plain(r)).Select(r => Definition(r.View, Relations.Expand(r.Sql, Name), [.. Relations.In(r.Sql).Select(Name), .. r.Reads ?? []])),
        Definition(View, string.Join(" UNION ALL ", Catalogue.All.Select(f => Select(f, Name))), [.. Catalogue.All.SelectMany(f => Relations.In(f.Sql)).Select(Name).Distinct()]),
    ];

    /// <summary>One finding in the columns of the view.</summary>
    /// <param name="name">What its relations are called here.</param>
    public static string Select(Finding finding, Func<Relation, string> name) =>
        $"""
        SELECT trace_id, {Sql.Literal(finding.Id)} AS finding, coalesce(severity, {Sql.Literal(Finding.Spell(finding.Severity))}) AS severity, coalesce(title, {Sql.Literal(finding.Title)}) AS title,
            faults::BIGINT AS faults, pages::BIGINT AS pages, first_fault::BIGINT AS first_fault, first_seq::BIGINT AS first_seq,
            coalesce(certainty, {Sql.Literal(finding.Certainty)}) AS certainty, coalesce(cause, {Sql.Literal(finding.Cause)}) AS cause, evidence, coalesce(advice, {Sql.Literal(finding.Advice)}) AS advice
        FROM (SELECT NULL::VARCHAR AS severity, NULL::VARCHAR AS certainty, NULL::VARCHAR AS cause, NULL::VARCHAR AS advice WHERE false UNION ALL BY NAME
        ({Relations.Expand(finding.Sql, name)}
        )) WHERE trace_id IS NOT NULL
        """;

    /// <summary>Most severe first, then in the catalogue's order.</summary>
    public static string Order { get; } =
        $"ORDER BY trace_id, list_position(['critical', 'serious', 'warning', 'note'], severity), list_position([{string.Join(", ", Catalogue.All.Select(f => Sql.Literal(f.Id)))}], finding), faults DESC NULLS LAST, first_seq";

    /// <summary>The view's rows in the order of a list.</summary>
    public static string Listed(string where) => $"SELECT {string.Join(", ", Schema.Columns.Select(column => column.Name))} FROM {View} {where} {Order}";

    private static bool Plain(Relation relation) => relation is { Reads: not null, IsEvent: false };

    private static string Name(Relation relation) => Plain(relation) ? relation.Name : relation.View;

    private static ViewDefinition Definition(string name, string sql, IReadOnlyList<string> over) => new(name, OneLine(sql)) { Over = over };

    // A comment would swallow what follows it on the line.
    private static string OneLine(string sql) =>
        string.Join(' ', sql.Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && !line.StartsWith("--", StringComparison.Ordinal)));
}
