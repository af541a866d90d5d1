using System.Text;
using TraceReplay.Fuzz.Inputs;

namespace TraceReplay.Fuzz.Drivers;

/// <summary>One way to make inputs: the same seed makes the same input.</summary>
/// <param name="Name">As the campaign prints it.</param>
/// <param name="Target">Whom the inputs are given to, of <see cref="Targets.Names"/>.</param>
internal sealed record Driver(string Name, string Target, Func<Seeds, Random, byte[]> Make)
{
    private const int MostLines = 600;

    public static IReadOnlyList<Driver> All { get; } =
    [
        new("blind", "any", static (seeds, random) => Blind.Of(seeds.All, random)),
        new("wrapped", "any", static (seeds, random) => Wrapped.Of(seeds.All, random)),
        new("crafted-trace.dat", "trace.dat", static (_, random) => CraftedTraceDat.Of(random)),
        new("crafted-perf.data", "perf.data", static (_, random) => CraftedPerfData.Of(random)),
        new("crafted-nettrace", "nettrace", static (_, random) => CraftedNetTrace.Of(random)),
        new("altered-text", "text", static (seeds, random) => AlteredText.Of(seeds.Of("text"), random)),
        new("altered-replay", "replay", static (seeds, random) => Replayable(seeds, random)),
    ];

    /// <summary>The input of a seed, and what is random in the checks of it.</summary>
    public (byte[] Input, Random Random) Case(Seeds seeds, int seed)
    {
        Random random = new(seed);
        return (Make(seeds, random), random);
    }

    private static byte[] Replayable(Seeds seeds, Random random)
    {
        byte[] text = seeds.Of("text")[random.Next(seeds.Of("text").Count)];
        if (random.Next(5) == 0)
        {
            return AlteredText.Of([text], random);
        }

        string[] lines = [.. Encoding.UTF8.GetString(text).Split('\n').Where(l => l.Length > 0)];
        string[] head = [.. lines.TakeWhile(l => l.StartsWith('#'))];
        return Encoding.UTF8.GetBytes(string.Join('\n', head.Concat(Mutation.Of(lines[head.Length..], random.Next(), MostLines))) + "\n");
    }
}
