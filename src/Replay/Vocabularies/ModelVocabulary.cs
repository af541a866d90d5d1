namespace TraceReplay.Replay.Vocabularies;

/// <summary>The words without which a replay's results cannot be read, in the order in which they are told.</summary>
public static class ModelVocabulary
{
    public static IReadOnlyList<Vocabulary> All { get; } =
    [
        FaultWords.Outcomes,
        FaultWords.Paths,
        FaultWords.PageKinds,
        FaultWords.Kinds,
        FaultWords.Certainties,
        TableWords.Assumptions,
    ];
}
