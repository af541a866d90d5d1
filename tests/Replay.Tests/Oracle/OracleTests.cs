using System.Diagnostics;
using System.Globalization;
using CsCheck;
using TraceReplay.Replay.Scripts;
using Xunit;

namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>The models against the oracle, which was written from the specification alone (docs/oracle.md).</summary>
public class OracleTests(ITestOutputHelper output)
{
    /// <summary>Sequences of a run that nobody asked more of: a few seconds.</summary>
    private const int ShortRun = 3000;

    internal const ulong FixedSeed = 20240229;

    private static readonly Gen<ulong[]> s_moves = Gen.ULong.Array[10, 50];

    [Fact]
    public void Models_agree_with_the_oracle() => Run(FixedSeed, ShortRun);

    /// <summary>Other sequences each time; TRACEREPLAY_ORACLE_SEED and TRACEREPLAY_ORACLE_SEQUENCES ask for certain ones, and for more.</summary>
    [Fact]
    public void Models_agree_with_the_oracle_on_other_sequences() => Run(
        Asked("TRACEREPLAY_ORACLE_SEED") ?? (ulong)Stopwatch.GetTimestamp(),
        (int)(Asked("TRACEREPLAY_ORACLE_SEQUENCES") ?? ShortRun));

    /// <summary>arm64's models: the same number of sequences, as arm64's KVM emits them.</summary>
    [Fact]
    public void Arm64_models_agree_with_the_oracle() => Run(FixedSeed, ShortRun, arm64: true);

    [Fact]
    public void Arm64_models_agree_with_the_oracle_on_other_sequences() => Run(
        Asked("TRACEREPLAY_ORACLE_SEED") ?? (ulong)Stopwatch.GetTimestamp(),
        (int)(Asked("TRACEREPLAY_ORACLE_SEQUENCES") ?? ShortRun),
        arm64: true);

    internal static ulong? Asked(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? ulong.Parse(value, CultureInfo.InvariantCulture) : null;

    private void Run(ulong seed, int sequences, bool arm64 = false)
    {
        long begun = Stopwatch.GetTimestamp();
        ParallelLoopResult run = Parallel.For(0, sequences, (i, loop) =>
        {
            if (Difference(Moves(seed, i), arm64) is not null)
            {
                loop.Break();
            }
        });
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {sequences} sequences, {Stopwatch.GetElapsedTime(begun).TotalSeconds:f1} s"));
        if (run.LowestBreakIteration is { } failed)
        {
            Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"seed {seed}, sequence {failed}: {Explain(Moves(seed, (int)failed), arm64)}"));
        }
    }

    /// <summary>Sequence number <paramref name="index"/> of a seed, whatever the number of threads.</summary>
    internal static ulong[] Moves(ulong seed, int index) => s_moves.Generate(new PCG((uint)index, seed), null, out _);

    private static string? Difference(ulong[] moves, bool arm64)
    {
        try
        {
            return arm64
                ? Comparison.FirstDifferenceOnArm64(Sequence.Of(moves, arm64).Operations)
                : Comparison.FirstDifference(Sequence.Of(moves).Operations, ept: moves.Length > 0 && (moves[0] & 1) != 0);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return e.ToString();
        }
    }

    /// <summary>The fewest moves that still differ, as a script. Any subset of the moves is a valid stream.</summary>
    private static string Explain(ulong[] moves, bool arm64)
    {
        for (int i = moves.Length - 1; i >= 0 && moves.Length > 1; i--)
        {
            ulong[] fewer = [.. moves[..i], .. moves[(i + 1)..]];
            if (Difference(fewer, arm64) is not null)
            {
                moves = fewer;
                i = moves.Length;
            }
        }

        return $"{Difference(moves, arm64)}\n{ScriptWriter.Write(Sequence.Of(moves, arm64).Operations)}";
    }
}
