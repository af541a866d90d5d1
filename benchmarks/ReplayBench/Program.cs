using System.Globalization;
using System.Runtime.InteropServices;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Bench;

// Two questions about the traces of one dataset: how many operations a model executes a second on one core, from operations
// that lie in memory, and how many events a whole replay takes a second, reading and writing included.
// Processor time, not wall time: the machine may be shared.
if (args.Length is < 1 or > 3 || (args.Length == 3 && args[2] != "models"))
{
    Console.Error.WriteLine("usage: ReplayBench DATASET [ROUNDS [models]]: with `models` the first question only");
    return 2;
}

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
int rounds = args.Length > 1 ? int.Parse(args[1], null) : 11;
DatasetReader reader = DatasetReader.Open(args[0]);
foreach (TraceManifest trace in reader.Traces)
{
    PreparedTrace prepared = PreparedTrace.Read(reader, trace);
    Console.WriteLine($"{trace.Path}: {trace.Events} events, {prepared.Operations.Length} operations, {prepared.Faults} faults");
    double model = ModelSpeed.Measure(prepared, rounds);
    if (args.Length < 3)
    {
        ReplaySpeed.Measure(args[0], trace, model, Math.Max(3, rounds / 3));
    }
}

return 0;

namespace TraceReplay.Replay.Bench
{
    /// <summary>Processor time of the calling thread, in ns.</summary>
    internal static partial class ThreadTime
    {
        private const int ThreadCpuTime = 3;

        public static long Now
        {
            get
            {
                _ = clock_gettime(ThreadCpuTime, out Timespec now);
                return (now.Seconds * 1_000_000_000) + now.Nanoseconds;
            }
        }

        [StructLayout(LayoutKind.Sequential)]
        private struct Timespec
        {
            public long Seconds;
            public long Nanoseconds;
        }

        [LibraryImport("libc")]
        private static partial int clock_gettime(int clock, out Timespec time);
    }
}
