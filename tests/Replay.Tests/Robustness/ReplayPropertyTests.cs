using System.Diagnostics;
using System.Globalization;
using TraceReplay.Fuzz.Inputs;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Tests.Captures;
using TraceReplay.Replay.Tests.Judging;
using Xunit;

namespace TraceReplay.Replay.Tests.Robustness;

/// <summary>
/// A replay of anything well-formed ends with results. `TRACEREPLAY_ROBUSTNESS=20000` makes a campaign of it, `TRACEREPLAY_ROBUSTNESS_SEED`
/// says where it begins; what failed is named by its seed.
/// </summary>
public sealed class ReplayPropertyTests(ITestOutputHelper output)
{
    private const int MostLines = 600;
    private static readonly string[] s_kernels = ["5.10.0", "6.1.0", "6.6.1", "6.8.0", "6.12.95", "6.14.0", "7.2.12", "8.0.0"];
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(20);

    [Fact]
    public void A_replay_of_dropped_doubled_moved_and_extreme_events_ends_with_results()
    {
        int cases = Setting("TRACEREPLAY_ROBUSTNESS", 40);
        int first = Setting("TRACEREPLAY_ROBUSTNESS_SEED", 1);
        string[] captures = Captures(first, Math.Max(10, cases / 20));
        List<string> failures = [];
        int replayed = 0;
        long resident = 0;

        // One recording after the other: as lines, a hundred of them are gigabytes.
        foreach (string capture in captures)
        {
            string name = Path.GetFileName(capture);
            IReadOnlyList<string> lines = [.. RenderedText.Of(ReplayedCapture.Of(capture)).Lines];
            for (int seed = first + Array.IndexOf(captures, capture); seed < first + cases; seed += captures.Length)
            {
                string text = string.Join('\n', Mutation.Of(lines, seed, MostLines)) + "\n";
                Stopwatch time = Stopwatch.StartNew();
                TimeSpan processor = Environment.CpuUsage.TotalTime;
                try
                {
                    replayed += Replay(text, seed) ? 1 : 0;
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    string where = e.StackTrace?.Split('\n').FirstOrDefault(l => l.Contains("TraceReplay", StringComparison.Ordinal))?.Trim() ?? "";
                    failures.Add($"seed {seed} ({name}): {e.GetType().Name}: {e.Message.Split('\n')[0]} {where}");
                    Keep(text, seed);
                }

                // By the clock alone a machine with other work would make a hang of anything; of the process alone, the tests beside this one.
                if (time.Elapsed > s_longest && Environment.CpuUsage.TotalTime - processor > s_longest)
                {
                    failures.Add($"seed {seed} ({name}): {time.Elapsed.TotalSeconds:0} s");
                }
            }

            resident = Math.Max(resident, Environment.WorkingSet);
        }

        output.WriteLine($"{cases} cases from seed {first}, {replayed} replayed, {failures.Count} failed; at most {resident >> 20} MiB resident after a recording");
        Assert.True(failures.Count == 0, $"{failures.Count} of {cases}:\n{string.Join('\n', failures.Take(40))}");
        Assert.True(replayed >= cases * 9 / 10, $"only {replayed} of {cases} were replayed");
    }

    /// <returns>Whether there was anything to replay.</returns>
    private static bool Replay(string text, int seed)
    {
        string work = Directory.CreateDirectory(Path.Combine(TestDatasets.Root, $"property-{seed}")).FullName;
        try
        {
            string file = Path.Combine(work, "text");
            string dataset = Path.Combine(work, "dataset");
            File.WriteAllText(file, text);
            string id;
            try
            {
                id = Ingestor.Ingest(file, dataset, new IngestOptions { Kernel = s_kernels[seed % s_kernels.Length] }).TraceId;
            }
            catch (CaptureException)
            {
                return false;
            }

            ReplayReport report = ReplayRunner.Run(dataset, id, new ReplayOptions { IgnoreProbes = seed % 3 == 0 });
            Assert.True(File.Exists(DatasetReader.Open(dataset).ResultPath(id, "faults")), $"seed {seed}: no results");
            Assert.True(report.Faults >= 0);
            return true;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>Some of the captures, others for each seed: to print one takes longer than to replay a part of it.</summary>
    private static string[] Captures(int seed, int most)
    {
        string[] captures = [.. ReplayedCapture.All()];
        new Random(seed).Shuffle(captures);
        return captures[..Math.Min(most, captures.Length)];
    }

    private static void Keep(string text, int seed)
    {
        if (Environment.GetEnvironmentVariable("TRACEREPLAY_ROBUSTNESS_KEEP") is { Length: > 0 } folder)
        {
            Directory.CreateDirectory(folder);
            File.WriteAllText(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"seed-{seed}.txt")), text);
        }
    }

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
