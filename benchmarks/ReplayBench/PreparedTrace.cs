using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Cost;
using TraceReplay.Replay.Models;
using TraceReplay.Replay.Operations;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Bench;

/// <summary>A trace's operations, ready for the models.</summary>
internal sealed record PreparedTrace(Operation[] Operations, long Faults, CapturedKernel Kernel)
{
    /// <param name="keep">false: only to see how long it takes.</param>
    public static PreparedTrace Read(DatasetReader reader, TraceManifest trace, bool keep = true)
    {
        // Chunks, as one growing list would be most of the time measured.
        List<Operation[]> chunks = [];
        long faults = 0;
        using OperationSource source = new(reader, trace);
        while (source.MoveNext())
        {
            if (keep)
            {
                chunks.Add([.. source.Operations]);
            }

            faults += source.Ended.Count;
        }

        return new PreparedTrace(keep ? [.. chunks.SelectMany(c => c)] : [], faults, source.Kernel);
    }

    public IFaultModel Create(string name) => ModelCatalog.Create(name, name == Kernel.Model ? Kernel.Setting : null, Kernel.Layout);
}
