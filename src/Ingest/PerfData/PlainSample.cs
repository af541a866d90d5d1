namespace TraceReplay.Ingest.PerfData;

/// <summary>Where a sample of one event has what <see cref="EventCollector"/> takes, if it records nothing of variable size before its raw data.</summary>
internal readonly struct PlainSample
{
    public PlainSample(PerfEvent e, bool bigEndian)
    {
        SampleLayout layout = e.Layout;
        bool plain = !bigEndian && e.IsTracepoint && !e.Attr.Has(SampleType.Read | SampleType.Callchain) && layout is { Tid: >= 0, Time: >= 0, Cpu: >= 0 };
        (RawSize, Tid, Time, Cpu) = (plain ? layout.FixedEnd : -1, layout.Tid, layout.Time, layout.Cpu);
    }

    /// <summary>Of the 32 bits that tell how many bytes of raw data follow; -1: the sample is no plain one.</summary>
    public int RawSize { get; }

    public int Tid { get; }

    public int Time { get; }

    public int Cpu { get; }
}
