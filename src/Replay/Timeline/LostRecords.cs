using Parquet;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Replay.Timeline;

/// <summary>Where in the trace records were lost, in the order of the trace.</summary>
internal sealed class LostRecords
{
    private readonly (long AfterSeq, int Cpu)[] _losses;
    private int _next;

    private LostRecords((long AfterSeq, int Cpu)[] losses) => _losses = losses;

    public static LostRecords Read(DatasetReader reader, TraceManifest trace)
    {
        string path = reader.TraceTablePath(trace.TraceId, DatasetLayout.LostEvents);
        List<(long AfterSeq, int Cpu)> losses = [];
        if (File.Exists(path))
        {
            using ParquetTable table = ParquetTable.Open(path);
            long[] seqs = [];
            long[] cpus = [];
            for (int g = 0; g < table.RowGroups; g++)
            {
                using ParquetRowGroupReader group = table.OpenRowGroup(g);
                int rows = checked((int)group.RowCount);
                table.ReadIntegers(group, table.Require("after_seq"), ref seqs, rows);
                table.ReadIntegers(group, table.Require("cpu"), ref cpus, rows, missing: -1);
                for (int i = 0; i < rows; i++)
                {
                    losses.Add((seqs[i], (int)cpus[i]));
                }
            }
        }

        losses.Sort();
        return new LostRecords([.. losses]);
    }

    /// <summary>From the first loss on, the models' state may differ from the kernel's.</summary>
    public bool AnyBefore(long seq) => _losses.Length > 0 && _losses[0].AfterSeq < seq;

    /// <summary>Takes the next loss that lies before <paramref name="seq"/>, if there is one; cpu is -1 where the capture does not say which.</summary>
    public bool TryTakeBefore(long seq, out int cpu)
    {
        if (_next < _losses.Length && _losses[_next].AfterSeq < seq)
        {
            cpu = _losses[_next++].Cpu;
            return true;
        }

        cpu = -1;
        return false;
    }
}
