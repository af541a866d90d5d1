using System.Globalization;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.PerfData;

/// <summary>A perf.data file, directory or pipe (spec/trace-formats section 4).</summary>
internal sealed class PerfDataCapture : ICapture
{
    private readonly CaptureFile _file;
    private readonly PerfHeader _header;
    private readonly PerfEvents _events;

    public PerfDataCapture(CaptureFile file)
    {
        _file = file;
        _header = PerfHeader.Read(file);
        string kind = _header.Pipe ? " (pipe)" : file.Parts.Count > 1 ? " (directory)" : "";
        Info = new CaptureInfo { Path = file.DisplayName, Format = "perf.data", Version = $"{_header.Version}{kind}" };
        PerfMetadata metadata = new(file, _header.BigEndian, Info);
        _events = metadata.Events;
        try
        {
            if (_header.Pipe)
            {
                using RecordReader records = new(file, _header.BigEndian, decompress: false);
                Info.Damage = records.Read(_header.Data, metadata, CancellationToken.None);
            }
            else
            {
                metadata.ReadFile(_header);
            }
        }
        catch (CaptureException e) when (_events.All.Count > 0)
        {
            Info.Damage = e.Damage;
        }

        if (_events.All.Count == 0)
        {
            throw Info.Damage is { } damage ? new CaptureException(damage) : file.Damaged(PerfHeader.PipeHeaderSize, "no attribute of any event", "expected a HEADER_ATTR record");
        }

        metadata.Finish();
        Info.CpuRecorded = _events.All.All(e => e.Attr.Has(SampleType.Cpu));
    }

    public CaptureInfo Info { get; }

    public CaptureDamage? ReadEvents(IEventSink sink, ReadOptions options, CancellationToken cancellation)
    {
        CaptureDamage? damage = null;
        List<FileRange> ranges = DataRanges(ref damage);
        EventEmitter emitter = new(sink, _events);
        using EventSorter sorter = new(emitter);
        EventCollector collector = new(_file, _events, sorter, emitter, _header.BigEndian, rounds: ranges.Count == 1);
        using RecordReader records = new(_file, _header.BigEndian);
        foreach (FileRange range in ranges)
        {
            CaptureDamage? met = records.Read(range, collector, cancellation);
            damage ??= met;
        }

        sorter.Flush(long.MaxValue);
        emitter.Finish();
        Warn(collector, emitter);
        return Info.Damage ?? damage;
    }

    public void Dispose() => _file.Dispose();

    /// <summary>The records of the file itself, then those of a directory's other files.</summary>
    private List<FileRange> DataRanges(ref CaptureDamage? damage)
    {
        FileRange data = _header.Data;
        (long _, long firstSize) = _file.Parts[0];
        if (data.Size == 0 && !_header.Pipe && _file.Parts.Count == 1)
        {
            // The size is written when the recorder ends. Records go on to the end of the file then.
            damage = new CaptureDamage(_file.DisplayName, 48, "0 bytes of records", "expected their size: the recorder did not end well");
            data = data with { Size = Math.Max(0, firstSize - data.Offset) };
        }

        List<FileRange> ranges = [data];
        ranges.AddRange(_file.Parts.Skip(1).Select(p => new FileRange(p.Offset, p.Length)));
        return ranges;
    }

    private void Warn(EventCollector collector, EventEmitter emitter)
    {
        if (collector.Unknown > 0)
        {
            Info.Warnings.Add($"{collector.Unknown} samples with an id that no event of the capture has are left out");
        }

        foreach ((uint type, long count) in collector.UnknownTypes)
        {
            Info.Warnings.Add(string.Create(CultureInfo.InvariantCulture, $"{count} {(count == 1 ? "record" : "records")} of {(type == uint.MaxValue ? "other unknown types" : $"unknown type 0x{type:x}")} {(count == 1 ? "was" : "were")} passed over"));
            Info.PassedOver = true;
        }

        if (collector.Callchains > 0)
        {
            Info.Warnings.Add($"the call chains of {collector.Callchains} tracepoint samples are left out");
        }

        if (emitter.Late > 0)
        {
            Info.Warnings.Add($"{emitter.Late} events came after a FINISHED_ROUND that promised none so old: they stand later than their time");
        }
    }
}
