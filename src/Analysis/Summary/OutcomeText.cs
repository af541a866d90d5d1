namespace TraceReplay.Analysis.Summary;

/// <summary>Outcomes whose names do not say to everybody what became of the guest.</summary>
internal static class OutcomeText
{
    private static readonly (string Outcome, string Text)[] s_texts =
    [
        ("ABORT", "an external abort is injected into the guest, which goes on in its handler"),
        ("ENOSYS", "KVM_RUN fails: no memory is there, and the syndrome does not tell the access (ISV=0), so it cannot be emulated"),
    ];

    /// <summary>Those of the outcomes, or of the members of sets, that need a word, in a fixed order.</summary>
    public static IEnumerable<(string Key, string Text)> Explained(IEnumerable<string> outcomes)
    {
        HashSet<string> there = [.. outcomes.SelectMany(outcome => outcome.Split('|'))];
        return s_texts.Where(text => there.Contains(text.Outcome));
    }
}
