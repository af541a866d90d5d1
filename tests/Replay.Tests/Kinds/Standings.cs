using TraceReplay.Replay.Tests.Judging;
using Xunit;

namespace TraceReplay.Replay.Tests.Kinds;

/// <summary>What is expected of the faults of a text, in their order.</summary>
internal static class Standings
{
    /// <summary>
    /// Asserts where each fault stands, and that nothing in any quantity is a miss but what is expected to be one.
    /// </summary>
    /// <param name="standings">
    /// As <see cref="JudgedFault.Standing"/> spells it. <c>+FIXED</c>: observed FIXED, and predicted alone, in a set or read off;
    /// <c>~FIXED</c>: observed FIXED, and no miss: nothing follows for it from what is recorded.
    /// </param>
    public static void Expect(Judgement judgement, params string[] standings)
    {
        string[] actual = [.. judgement.Faults.Select(fault => fault.Standing)];
        string[] matching = [.. actual.Select((standing, i) => i < standings.Length && Fits(judgement.Faults[i], standings[i]) ? standings[i] : standing)];
        Assert.Equal(standings, matching);
        HashSet<JudgedFault> expected = [.. judgement.Faults.Where(fault => fault.Standing.Contains(": missed", StringComparison.Ordinal))];
        List<Miss> others = [.. judgement.Misses.Where(miss => miss.Fault is null || !expected.Contains(miss.Fault))];
        Assert.True(others.Count == 0, string.Join("; ", others));
    }

    private static bool Fits(JudgedFault fault, string expected) => expected[0] switch
    {
        '+' => fault.Observed == expected[1..] && fault.Predicted.Split('|').Contains(fault.Observed),
        '~' => fault.Observed == expected[1..] && (fault.Predicted == "UNKNOWN" || fault.Predicted.Split('|').Contains(fault.Observed)),
        _ => fault.Standing == expected,
    };
}
