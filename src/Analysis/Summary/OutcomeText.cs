using TraceReplay.Replay.State;
using TraceReplay.Replay.Vocabularies;

namespace TraceReplay.Analysis.Summary;

/// <summary>Outcomes whose names do not say to everybody what became of the guest.</summary>
internal static class OutcomeText
{
    private static readonly HashSet<string> s_unclear = [FaultOutcome.Abort.Name(), FaultOutcome.Enosys.Name()];

    /// <summary>Those of the outcomes, or of the members of sets, that need a word, in a fixed order.</summary>
    public static IEnumerable<(string Key, string Text)> Explained(IEnumerable<string> outcomes)
    {
        HashSet<string> there = [.. outcomes.SelectMany(outcome => outcome.Split('|'))];
        return FaultWords.Outcomes.Words.Where(word => s_unclear.Contains(word.Value) && there.Contains(word.Value)).Select(word => (word.Value, word.Meaning));
    }
}
