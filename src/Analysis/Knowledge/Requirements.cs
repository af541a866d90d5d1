namespace TraceReplay.Analysis.Knowledge;

/// <summary>A fact that a replay needs and where it can come from (spec 8.3, 9.6, 16).</summary>
/// <param name="Fact">What is to be known.</param>
/// <param name="Known">Records that say it; one of them is enough.</param>
/// <param name="Inferred">Records from which it follows with less than certainty.</param>
/// <param name="Assumption">What replay takes to be so where nothing was recorded.</param>
public sealed record Requirement(string Fact, IReadOnlyList<Source> Known, IReadOnlyList<Source> Inferred, string Assumption);

/// <summary>What a replay needs of a machine's captures, in the order in which a fault meets it.</summary>
public static class Requirements
{
    public static IReadOnlyList<Requirement> Of(Machine machine) => machine == Machine.Arm64 ? Arm64Requirements.All : X86Requirements.All;
}
