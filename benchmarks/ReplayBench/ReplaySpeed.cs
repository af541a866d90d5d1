using System.Diagnostics;
using DuckDB.NET.Data;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Replay.Bench;

/// <summary>Events a second of a whole replay, beside DuckDB reading every value of the same tables on one thread.</summary>
internal static class ReplaySpeed
{
    public static void Measure(string dataset, TraceManifest trace, double model, int rounds)
    {
        List<double> replays = [];
        List<double> one = [];
        List<double> scans = [];
        List<double> reads = [];
        List<double> timelines = [];
        DatasetReader reader = DatasetReader.Open(dataset);
        for (int round = 0; round < rounds; round++)
        {
            replays.Add(Cpu(() => ReplayRunner.Run(dataset, trace.TraceId, new ReplayOptions())));
            one.Add(Cpu(() => ReplayRunner.Run(dataset, trace.TraceId, new ReplayOptions { Models = ["current"] })));
            scans.Add(Cpu(() => Scan(dataset, trace)));
            reads.Add(Cpu(() => Read(reader, trace)));
            timelines.Add(Cpu(() => PreparedTrace.Read(reader, trace, keep: false)));
        }

        double all = ModelSpeed.Median(replays);
        double single = ModelSpeed.Median(one);
        double scan = ModelSpeed.Median(scans);
        double timeline = ModelSpeed.Median(timelines);
        Console.WriteLine($"  replay of one model, reading included: {trace.Events / (timeline + model) / 1e6:F2} M events/s of processor time; with writing the results {trace.Events / single / 1e6:F2}; all three models {trace.Events / all / 1e6:F2}");
        Console.WriteLine($"  where it goes: reading in order {ModelSpeed.Median(reads) / single:P0}, reading ahead and telling faults and windows apart {(timeline - ModelSpeed.Median(reads)) / single:P0}, the model {model / single:P0}, writing the rest");
        Console.WriteLine($"  DuckDB, one thread, every value of the same files: {trace.Events / scan / 1e6:F2} M events/s; the replay of one model takes {single / scan:F1} times as long");
    }

    private static double Cpu(Action action)
    {
        using Process self = Process.GetCurrentProcess();
        TimeSpan before = self.TotalProcessorTime;
        action();
        self.Refresh();
        return (self.TotalProcessorTime - before).TotalSeconds;
    }

    private static void Read(DatasetReader reader, TraceManifest trace)
    {
        using Timeline.EventStream stream = Timeline.TraceEvents.Open(reader, trace, ignoreProbes: false);
        while (stream.MoveNext())
        {
        }
    }

    private static void Scan(string dataset, TraceManifest trace)
    {
        using DuckDBConnection connection = new("DataSource=:memory:;threads=1");
        connection.Open();
        foreach (string name in trace.EventCounts.Keys)
        {
            using DuckDBCommand command = connection.CreateCommand();
            command.CommandText = $"SELECT bit_xor(hash(COLUMNS(*))) FROM read_parquet('{dataset}/events/{name}/*/*/{trace.TraceId}.parquet', hive_partitioning = false)";
            using DuckDBDataReader rows = command.ExecuteReader();
            rows.Read();
        }
    }
}
