using System.Diagnostics;
using System.Globalization;
using TraceReplay.Fuzz.Inputs;

namespace TraceReplay.Fuzz.Drivers;

/// <summary>Runs the cases of one driver in this process, which a case may end: what it was is in the folder, and the campaign goes on behind it.</summary>
internal sealed class Worker(Driver driver, Seeds seeds, string folder, Tally tally)
{
    public const int Hung = 75;

    /// <summary>Processor time that a case may take.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    /// <summary>Cases in one process, so that its peak of memory is theirs and not what libraries keep of thousands.</summary>
    public const int MostCases = 4000;

    private const int MostKept = 100;
    private readonly Process _self = Process.GetCurrentProcess();
    private TimeSpan _began;
    private volatile int _seed = -1;

    /// <summary>The input of the case that is running.</summary>
    public static string Running(string folder) => Path.Combine(folder, "running");

    /// <returns>The seed behind the last.</returns>
    public int Run(int seed, int mostCases, TimeSpan time)
    {
        using Targets targets = new();
        using Timer watch = new(_ => Watch(), null, 500, 500);
        Stopwatch clock = Stopwatch.StartNew();
        for (int n = 0; n < mostCases && clock.Elapsed < time; n++, seed++)
        {
            (byte[] input, Random random) = driver.Case(seeds, seed);
            File.WriteAllBytes(Running(folder), input);
            TimeSpan began = _began = Processor();
            _seed = seed;
            try
            {
                tally.Read += targets.Thoroughly(driver.Target, input, random) ? 1 : 0;
            }
            catch (BrokenPromiseException e)
            {
                tally.Broken++;
                Keep("broken", seed, input, e.Message);
            }
#pragma warning disable CA1031 // Whatever it is, it is what is looked for.
            catch (Exception e)
#pragma warning restore CA1031
            {
                tally.Defects++;
                Keep("defect", seed, input, e.ToString());
            }

            _seed = -1;
            TimeSpan now = Processor();
            tally.Cases++;
            tally.Processor += (long)(now - began).TotalMilliseconds;
            tally.Slowest = Math.Max(tally.Slowest, (long)(now - began).TotalMilliseconds);
        }

        Measure();
        return seed;
    }

    private static TimeSpan Processor() => Environment.CpuUsage.TotalTime;

    private void Watch()
    {
        Measure();
        if (_seed is >= 0 and int seed && Processor() - _began is { } took && took > Longest && seed == _seed)
        {
            tally.Hangs++;
            tally.Cases++;
            Keep("hang", seed, File.ReadAllBytes(Running(folder)), $"{took.TotalSeconds:0} s of processor time");
            Environment.Exit(Hung);
        }
    }

    private void Measure()
    {
        // The timer and the loop's end may meet, and a Process read by two threads at once finds that it has exited.
        lock (_self)
        {
            _self.Refresh();
            tally.Peak = Math.Max(tally.Peak, _self.PeakWorkingSet64);
        }
    }

    private void Keep(string kind, int seed, byte[] input, string why)
    {
        if (Directory.EnumerateFiles(folder, "*.txt").Count() < MostKept)
        {
            string path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{kind}-{seed}"));
            File.WriteAllBytes(path, input);
            File.WriteAllText(path + ".txt", why + "\n");
        }
    }
}
