using System.Globalization;
using SharpFuzz;
using TraceReplay.Fuzz;
using TraceReplay.Fuzz.Drivers;
using TraceReplay.Fuzz.Inputs;

// Run by campaign.sh:
//   afl TARGET                              under afl-fuzz, one process for many inputs
//   try TARGET FILE...                      inputs one by one, as a regression test does
//   seeds TARGET FOLDER [FOLDER...]         writes seeds, from recordings below the other folders
//   drive DRIVER SECONDS SEED FOLDER [...]  a driver of its own inputs, finds go to FOLDER
//   work ...                                the same, in the process that may die of it
//   tally FOLDER                            what a tally has of memory and time
//   drivers                                 their names
switch (args)
{
    case ["afl", string target]:
        using (Targets targets = new())
        using (Tally tally = new(Environment.GetEnvironmentVariable("TRACEREPLAY_FUZZ_TALLY") ?? Path.GetTempFileName()))
        {
            byte[] buffer = new byte[1 << 20];
            Meter meter = new(tally);
            Fuzzer.OutOfProcess.Run(stream =>
            {
                int length = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
                meter.Begin();
                targets.Once(target, buffer.AsSpan(0, length));
                meter.End();
            });
        }

        return 0;
    case ["try", string target, .. string[] files]:
        using (Targets targets = new())
        {
            foreach (string file in files)
            {
                byte[] input = File.ReadAllBytes(file);
                targets.Thoroughly(target, input, new Random(1));
            }
        }

        return 0;
    case ["seeds", string target, string folder, .. string[] sources]:
        new Seeds(sources).Write(target, folder);
        return 0;
    case ["drive", string driver, string seconds, string seed, string folder, .. string[] sources]:
        return Campaign.Run(Named(driver), Number(seconds), Number(seed), folder, sources) ? 0 : 1;
    case ["work", string driver, string seconds, string seed, string folder, .. string[] sources]:
        using (Tally tally = new(Path.Combine(folder, "tally")))
        {
            new Worker(Named(driver), new Seeds(sources), folder, tally).Run(Number(seed), Worker.MostCases, TimeSpan.FromSeconds(Number(seconds)));
        }

        return 0;
    case ["tally", string folder]:
        using (Tally tally = new(Path.Combine(folder, "tally")))
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"peak {tally.Peak >> 20} MiB, slowest {tally.Slowest / 1000.0:0.0} s, processor {tally.Processor / 1000} s"));
        }

        return 0;
    case ["drivers"]:
        Console.WriteLine(string.Join('\n', Driver.All.Select(d => d.Name)));
        return 0;
    default:
        Console.Error.WriteLine("afl, try, seeds, drive, work, tally or drivers; see campaign.sh");
        return 2;
}

static Driver Named(string name) => Driver.All.FirstOrDefault(d => d.Name == name) ?? throw new ArgumentException($"{name}: no such driver");

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
