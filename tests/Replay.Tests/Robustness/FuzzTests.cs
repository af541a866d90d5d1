using TraceReplay.Fuzz;
using TraceReplay.Fuzz.Drivers;
using TraceReplay.Fuzz.Inputs;
using TraceReplay.Replay.Tests.Captures;
using Xunit;

namespace TraceReplay.Replay.Tests.Robustness;

/// <summary>
/// What a campaign (tests/Fuzz/campaign.sh) found once is read as promised ever since, and its drivers find nothing in a few cases of
/// seeds that the repository has.
/// </summary>
public sealed class FuzzTests
{
    private const int Cases = 30;
    private static readonly TimeSpan s_longest = TimeSpan.FromMinutes(2);

    public static TheoryData<string, string> Kept() =>
        [.. Directory.GetDirectories(Folder("tests/Fuzz/regressions")).SelectMany(Directory.GetFiles).Order(StringComparer.Ordinal).Select(file => (Path.GetFileName(Path.GetDirectoryName(file))!, Path.GetFileName(file)))];

    public static TheoryData<string> Drivers() => [.. Driver.All.Select(driver => driver.Name)];

    [Theory]
    [MemberData(nameof(Kept))]
    public void A_kept_input_is_read_as_promised(string target, string name)
    {
        byte[] input = File.ReadAllBytes(Path.Combine(Folder("tests/Fuzz/regressions"), target, name));
        InTime(() =>
        {
            using Targets targets = new();
            targets.Thoroughly(target, input, new Random(1));
        });
    }

    [Theory]
    [MemberData(nameof(Drivers))]
    public void A_driver_finds_nothing_in_its_first_cases(string name)
    {
        Driver driver = Driver.All.Single(d => d.Name == name);
        Seeds seeds = new([Folder("tests/Ingest.Tests"), Folder("tests/EndToEnd.Tests/Field")]);
        InTime(() =>
        {
            using Targets targets = new();
            int read = 0;
            for (int seed = 1; seed <= Cases; seed++)
            {
                (byte[] input, Random random) = driver.Case(seeds, seed);
                Exception? thrown = Record.Exception(() => read += targets.Thoroughly(driver.Target, input, random) ? 1 : 0);
                Assert.True(thrown is null, $"seed {seed}: {thrown}");
            }

            // Inputs that are all refused would try nothing.
            Assert.InRange(read, Cases / 5, Cases);
        });
    }

    /// <summary>A seed is worth its name only if the same input comes of it, wherever it is made again.</summary>
    [Theory]
    [MemberData(nameof(Drivers))]
    public void A_seed_makes_the_same_input_each_time(string name)
    {
        Driver driver = Driver.All.Single(d => d.Name == name);
        Seeds seeds = new([Folder("tests/EndToEnd.Tests/Field")]);
        Assert.All(Enumerable.Range(1, 10), seed => Assert.Equal(driver.Case(seeds, seed).Input, driver.Case(seeds, seed).Input));
        Assert.NotEqual(driver.Case(seeds, 1).Input, driver.Case(seeds, 2).Input);
    }

    private static void InTime(Action work)
    {
        Task task = Task.Run(work);
        Assert.True(Task.WhenAny(task, Task.Delay(s_longest)).GetAwaiter().GetResult() == task, $"longer than {s_longest.TotalSeconds} s");
        task.GetAwaiter().GetResult();
    }

    private static string Folder(string path) => Path.Combine(ReplayedCapture.RepositoryRoot(), path);
}
