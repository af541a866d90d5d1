namespace TraceReplay.Ingest.PerfData;

/// <summary>
/// Where the parts of fixed place lie in the records of one event: in samples from the start of the record, in the id block of
/// other records from its end. -1 = not recorded.
/// </summary>
internal sealed class SampleLayout
{
    private const int RecordHeader = 8;

    public SampleLayout(PerfAttr attr)
    {
        int at = RecordHeader;
        int identifier = Next(SampleType.Identifier);
        Ip = Next(SampleType.Ip);
        Tid = Next(SampleType.Tid);
        Time = Next(SampleType.Time);
        Addr = Next(SampleType.Addr);
        Id = Next(SampleType.Id);
        StreamId = Next(SampleType.StreamId);
        Cpu = Next(SampleType.Cpu);
        Period = Next(SampleType.Period);
        FixedEnd = at;
        AnyId = identifier >= 0 ? identifier : Id;

        int back = 0;
        int trailingIdentifier = Back(SampleType.Identifier);
        TrailingCpu = Back(SampleType.Cpu);
        _ = Back(SampleType.StreamId);
        int trailingId = Back(SampleType.Id);
        TrailingTime = Back(SampleType.Time);
        TrailingTid = Back(SampleType.Tid);
        TrailerSize = attr.SampleIdAll ? back : 0;
        TrailingAnyId = trailingIdentifier >= 0 ? trailingIdentifier : trailingId;
        if (!attr.SampleIdAll)
        {
            TrailingCpu = TrailingTime = TrailingTid = TrailingAnyId = -1;
        }

        int Next(SampleType part)
        {
            if (!attr.Has(part))
            {
                return -1;
            }

            at += 8;
            return at - 8;
        }

        int Back(SampleType part)
        {
            if (!attr.Has(part))
            {
                return -1;
            }

            back += 8;
            return back;
        }
    }

    public int Ip { get; }

    public int Tid { get; }

    public int Time { get; }

    public int Addr { get; }

    public int Id { get; }

    public int StreamId { get; }

    public int Cpu { get; }

    public int Period { get; }

    /// <summary>IDENTIFIER or ID, whatever tells the event.</summary>
    public int AnyId { get; }

    /// <summary>Where the parts of variable size begin.</summary>
    public int FixedEnd { get; }

    public int TrailingTid { get; }

    public int TrailingTime { get; }

    public int TrailingCpu { get; }

    public int TrailingAnyId { get; }

    /// <summary>Bytes of the id block that ends records other than samples.</summary>
    public int TrailerSize { get; }
}
