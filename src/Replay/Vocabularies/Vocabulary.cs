namespace TraceReplay.Replay.Vocabularies;

/// <summary>A value of a column that has few, and what it means.</summary>
/// <param name="Value">As the tables spell it.</param>
/// <param name="Meaning">One sentence, without capital and full stop.</param>
public sealed record Word(string Value, string Meaning);

/// <summary>All values that a column, or several, can have.</summary>
/// <param name="Name">Short name, in the tables' spelling.</param>
/// <param name="Of">What the values are.</param>
public sealed record Vocabulary(string Name, string Of, IReadOnlyList<Word> Words);
