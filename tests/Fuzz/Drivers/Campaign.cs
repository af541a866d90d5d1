using System.Diagnostics;
using System.Globalization;

namespace TraceReplay.Fuzz.Drivers;

/// <summary>Runs a driver for a time in processes of their own, under the bound of memory, and tells what came of it.</summary>
internal static class Campaign
{
    /// <summary>Of the heap, bytes: what the project promises for any input.</summary>
    private const string HeapLimit = "0x20000000";

    /// <param name="folder">Gets the tally and what was found.</param>
    /// <param name="arguments">The folders of seeds.</param>
    /// <returns>Whether nothing was found.</returns>
    public static bool Run(Driver driver, int seconds, int seed, string folder, IReadOnlyList<string> arguments)
    {
        Directory.CreateDirectory(folder);
        using Tally tally = new(Path.Combine(folder, "tally"));
        (long casesBefore, long foundBefore) = (tally.Cases, Found(tally));
        Stopwatch clock = Stopwatch.StartNew();
        int first = seed;
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            long cases = tally.Cases;
            long hangs = tally.Hangs;
            int left = Math.Max(1, seconds - (int)clock.Elapsed.TotalSeconds);
            ProcessStartInfo start = new(Environment.ProcessPath!) { ArgumentList = { "work", driver.Name, $"{left}", $"{seed}", folder } };
            foreach (string argument in arguments)
            {
                start.ArgumentList.Add(argument);
            }

            start.Environment["DOTNET_GCHeapHardLimit"] = HeapLimit;
            start.Environment["DOTNET_TieredPGO"] = "0";
            using Process worker = Process.Start(start)!;
            worker.WaitForExit();
            seed += (int)(tally.Cases - cases);
            Leave(worker.Id);
            if (worker.ExitCode != 0 && tally.Hangs == hangs)
            {
                tally.Deaths++;
                tally.Cases++;
                string kept = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"died-{seed}"));
                if (File.Exists(Worker.Running(folder)))
                {
                    File.Copy(Worker.Running(folder), kept, overwrite: true);
                }

                File.WriteAllText(kept + ".txt", $"exit code {worker.ExitCode}\n");
                seed++;
            }
        }

        long ran = tally.Cases - casesBefore;
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{driver.Name,-18} seeds {first}-{seed - 1}: {ran} cases, {ran / clock.Elapsed.TotalSeconds:0.0}/s; of {tally.Cases} in all, {tally.Read} with events: {tally.Defects} defects (exit 70), {tally.Deaths} deaths, {tally.Hangs} hangs, {tally.Broken} promises broken; peak {tally.Peak >> 20} MiB, slowest {tally.Slowest / 1000.0:0.0} s, processor {tally.Processor / 1000} s"));
        return Found(tally) == foundBefore;
    }

    /// <summary>A worker that died left its files.</summary>
    private static void Leave(int process)
    {
        foreach (string root in new[] { "/dev/shm", Path.GetTempPath() }.Where(Directory.Exists))
        {
            foreach (string work in Directory.EnumerateDirectories(root, string.Create(CultureInfo.InvariantCulture, $"tracereplay-fuzz-{process}-*")))
            {
                Directory.Delete(work, recursive: true);
            }
        }
    }

    private static long Found(Tally tally) => tally.Defects + tally.Deaths + tally.Hangs + tally.Broken;
}
