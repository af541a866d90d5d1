using TraceReplay.Replay.Vocabularies;

namespace TraceReplay.Analysis.Views.Dictionary;

/// <summary>What a column holds.</summary>
/// <param name="Name">As in its table's schema.</param>
/// <param name="Meaning">One sentence, without capital and full stop.</param>
/// <param name="Unit">What a number counts; null for what has no unit.</param>
/// <param name="Null">When it is NULL; null where it never is, or where that says nothing of its own.</param>
/// <param name="Values">Its values, where it has few.</param>
public sealed record ColumnText(string Name, string Meaning, string? Unit = null, string? Null = null, Vocabulary? Values = null)
{
    /// <summary>A value may be several of the vocabulary's, with '|' between them.</summary>
    public bool IsSet { get; init; }

    /// <summary>The first format of datasets (<see cref="TraceReplay.Ingest.Dataset.DatasetFormat"/>) that has it.</summary>
    public int Since { get; init; } = 1;
}

/// <summary>What a table of ours holds.</summary>
/// <param name="Schema">The table.</param>
/// <param name="Row">What one row is, in one sentence without full stop.</param>
/// <param name="Columns">A text for each column of the schema, in its order.</param>
public sealed record TableText(TableSchema Schema, string Row, IReadOnlyList<ColumnText> Columns);
