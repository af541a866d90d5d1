using System.Diagnostics;
using System.Globalization;
using TraceReplay.Ingest.Dataset;

// Ingests one capture into a fresh dataset and says how long the whole process took, its start included.
if (args.Length != 2)
{
    Console.Error.WriteLine("usage: IngestBench CAPTURE DATASET");
    return 2;
}

IngestResult result = Ingestor.Ingest(args[0], args[1], new IngestOptions());
TimeSpan wall = DateTime.Now - Process.GetCurrentProcess().StartTime;
Console.WriteLine(string.Create(
    CultureInfo.InvariantCulture,
    $"{result.Manifest.Events} events, {wall.TotalSeconds:F3} s, cpu {Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds:F3} s, peak {Process.GetCurrentProcess().PeakWorkingSet64 >> 20} MiB{(result.Damage is null ? "" : ", " + result.Damage)}"));
return result.Damage is null ? 0 : 3;
