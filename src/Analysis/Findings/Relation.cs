namespace TraceReplay.Analysis.Findings;

/// <summary>Rows that several findings start from. Its SQL may name others as <c>@name</c>, and views of the dataset by their names.</summary>
/// <param name="Name">Name without the @.</param>
/// <param name="Sql">A SELECT that gives a column trace_id.</param>
/// <param name="Reads">Views of the dataset that it reads, one place each; null where it is made of other relations only.</param>
/// <param name="IsEvent">It reads events: where a trace has none of them, it is empty.</param>
internal sealed record Relation(string Name, string Sql, IReadOnlyList<string>? Reads = null, bool IsEvent = false)
{
    /// <summary>How the names of such views begin.</summary>
    public const string Prefix = "finding_";

    /// <summary>Its view in a dataset.</summary>
    public string View => Prefix + Name;
}
