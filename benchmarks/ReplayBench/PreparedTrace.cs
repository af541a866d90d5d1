using TraceReplay.Ingest.Dataset;
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
        CapturedKernel kernel = CapturedKernel.From(trace.Kernel, trace.CpuVendor);
        ClockSkew skew = new(kernel.Layout.Accessed | kernel.Layout.Dirty, trace.ClockUnit);
        using EventStream stream = TraceEvents.Open(reader, trace, ignoreProbes: false);
        TimelineBuilder timeline = new(
            stream.Kinds,
            ReplayRunner.ReadWindowBegins(reader, trace, ignoreProbes: false, skew),
            LostRecords.Read(reader, trace),
            new TimelineOptions(kernel.Intel, kernel.RetPfFixed, kernel.Layout.HostWritable, kernel.Layout.Accessed, kernel.Layout.Dirty),
            ReplayRunner.Infer(reader, trace, kernel, stream.Kinds))
        {
            Records = RecordInvariants.For(kernel.Layout, skew, stream.Kinds),
        };

        // Chunks, as one growing list would be most of the time measured.
        List<Operation[]> chunks = [];
        long faults = 0;
        while (stream.MoveNext())
        {
            timeline.Add(stream.Current);
            if (timeline.Operations.Count >= 4096)
            {
                Take();
            }
        }

        timeline.Complete();
        Take();
        return new PreparedTrace(keep ? [.. chunks.SelectMany(c => c)] : [], faults, kernel);

        void Take()
        {
            if (keep)
            {
                chunks.Add([.. timeline.Operations]);
            }

            faults += timeline.Ended.Count;
            timeline.Operations.Clear();
            timeline.Ended.Clear();
        }
    }

    public IFaultModel Create(string name) => ModelCatalog.Create(name, name == Kernel.Model ? Kernel.Setting : null, Kernel.Layout);
}
