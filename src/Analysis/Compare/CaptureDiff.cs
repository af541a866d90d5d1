namespace TraceReplay.Analysis.Compare;

/// <summary>Two captures of one scenario side by side: what each recorded, without a model between them.</summary>
public static class CaptureDiff
{
    /// <summary>One row for each thing that is told of both, with the parameters <c>a</c> and <c>b</c>, two trace ids (see the comments of diff.sql).</summary>
    public static string Sql { get; } = Resource.Text("Compare.diff.sql");
}
