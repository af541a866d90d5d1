using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;
using Xunit;

namespace TraceReplay.Ingest.Tests;

/// <summary>An event as a test sees it.</summary>
internal sealed record Seen(string Event, long Timestamp, int Cpu, int Pid, string? Comm, string Instance, Dictionary<string, object> Fields)
{
    public int Tgid { get; init; } = -1;
}

/// <summary>Keeps all that a capture delivers.</summary>
internal sealed class Recorder(CaptureInfo info) : IEventSink
{
    public List<Seen> Events { get; } = [];

    public List<LostRecords> Holes { get; } = [];

    public void Event(ref readonly EventRecord record)
    {
        Dictionary<string, object> fields = [];
        foreach (EventField f in record.Format.Fields.Where(f => !f.Common))
        {
            fields[f.Name] = FieldReader.Number(record.Format, f, record.Payload) is { } n
                ? f.Signed ? (long)n : n
                : f.IsString ? TraceText.Decode(FieldReader.Bytes(f, record.Payload, record.Format.BigEndian))
                : FieldReader.Bytes(f, record.Payload, record.Format.BigEndian).ToArray();
        }

        Events.Add(new Seen(record.Format.FullName, record.Timestamp, record.Cpu, record.Pid, record.Comm, info.Instances[record.Instance], fields) { Tgid = record.Tgid });
    }

    public void Lost(in LostRecords lost) => Holes.Add(lost);

    public static (Recorder Recorder, CaptureInfo Info, CaptureDamage? Damage) Read(byte[] file, int jobs = 0)
    {
        using ICapture capture = CaptureFormats.Open(CaptureFormats.Spool(new MemoryStream(file), "test.dat"));
        Recorder r = new(capture.Info);
        CaptureDamage? damage = capture.ReadEvents(r, new ReadOptions(jobs), TestContext.Current.CancellationToken);
        capture.Info.Symbols.Load();
        return (r, capture.Info, damage ?? capture.Info.Damage);
    }
}
