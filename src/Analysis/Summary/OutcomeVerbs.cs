namespace TraceReplay.Analysis.Summary;

/// <summary>How faults end, as what was done to them: one set of words for the verdict on a trace and for a night.</summary>
internal static class OutcomeVerbs
{
    /// <summary>In the order in which they are told where they are equally many.</summary>
    public static IReadOnlyList<OutcomeVerb> All { get; } =
    [
        new("FIXED", "mapped", "maps"), new("FIXED_FAST", "mended without mmu_lock", "mends without mmu_lock"), new("SPURIOUS", "found mapped already", "finds mapped already"),
        new("RETRY", "sent back to retry", "sends back to retry"), new("EMULATE", "emulated", "emulates"), new("WRITE_PROTECTED", "found write-protected by KVM", "finds write-protected by KVM"),
        new("ASYNC", "left to an asynchronous lookup", "leaves to an asynchronous lookup"), new("EFAULT", "refused with EFAULT", "refuses with EFAULT"),
        new("ENOSYS", "refused with ENOSYS", "refuses with ENOSYS"), new("ABORT", "answered with an abort in the guest", "answers with an abort in the guest"), new(Unknown, "not seen to end", "does not decide"),
    ];

    private const string Unknown = "UNKNOWN";

    /// <summary>What the kernel did to something: "the kernel refused 4 faults with EFAULT".</summary>
    public static string KernelDid(string outcome, string what)
    {
        if (outcome == Unknown)
        {
            return $"how {what} ended was not seen";
        }

        return $"the kernel {Did(outcome, what)}";
    }

    /// <summary>The same without its subject: "refused 4 faults with EFAULT".</summary>
    public static string Did(string outcome, string what)
    {
        string[] words = (Find(outcome)?.Done ?? $"ended with {outcome}").Split(' ', 2);
        return $"{words[0]} {what}{(words.Length > 1 ? " " + words[1] : "")}";
    }

    /// <summary>What a model does to a fault, of a set each: "maps or sends back to retry".</summary>
    public static string Does(string outcome) => string.Join(" or ", outcome.Split('|').Select(o => Find(o)?.Does ?? $"ends with {o}"));

    private static OutcomeVerb? Find(string outcome) => All.FirstOrDefault(v => v.Outcome == outcome);
}

/// <param name="Outcome">Its name.</param>
/// <param name="Done">What the fault was; also what the kernel did to it.</param>
/// <param name="Does">What a model does to it.</param>
internal sealed record OutcomeVerb(string Outcome, string Done, string Does);
