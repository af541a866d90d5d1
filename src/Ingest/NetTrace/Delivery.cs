using System.Buffers.Binary;
using Microsoft.Diagnostics.Tracing;
using Microsoft.Diagnostics.Tracing.Parsers;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>Hands the events of a second pass to a sink.</summary>
internal sealed class Delivery(IEventSink sink, ShapeTable shapes, long frequency)
{
    private const int Nanoseconds = 1_000_000_000;
    private const int PidOffset = 4;

    private readonly Dictionary<int, string> _processNames = [];
    private bool _gap;
    private long? _lost = 0;

    public void Lost(long? count)
    {
        _gap = true;
        _lost += count;
    }

    public void Event(TraceEvent e)
    {
        if (e.ProviderGuid == UniversalSystemTraceEventParser.ProviderGuid && e.EventName is "ExistingProcess" or "ProcessCreate")
        {
            Remember(e);
        }

        EventShape? shape = shapes.Find(e);
        if (shape is null)
        {
            return;
        }

        long timestamp = frequency == Nanoseconds ? TraceEventReader.Ticks(e) : (long)((Int128)TraceEventReader.Ticks(e) * Nanoseconds / frequency);
        ReportLost(timestamp);
        ReadOnlySpan<byte> record = shape.Record(e);
        int tgid = e.ProcessID;
        int pid = shape is TracepointShape && record.Length >= KernelLayouts.CommonSize ? BinaryPrimitives.ReadInt32LittleEndian(record[PidOffset..])
            : e.ThreadID == 0 && tgid != 0 ? -1
            : e.ThreadID;
        EventRecord delivered = new()
        {
            Format = shape.Format!,
            Timestamp = timestamp,
            Cpu = e.ProcessorNumber,
            Pid = pid,
            Tgid = tgid,
            Comm = pid == tgid ? _processNames.GetValueOrDefault(pid) : null,
            Payload = record,
        };
        sink.Event(in delivered);
    }

    public void Finish() => ReportLost(null);

    /// <summary>The recorder names processes; other threads of them keep names of their own, which it does not tell.</summary>
    private void Remember(TraceEvent e)
    {
        using PayloadValues values = new(e);
        if (values.Read(e.PayloadIndex("Name")) is string name)
        {
            _processNames[e.ProcessID] = name;
        }
    }

    private void ReportLost(long? next)
    {
        if (_gap)
        {
            // Sequence numbers count by thread, and TraceEvent adds them up: there is no CPU to name.
            sink.Lost(new LostRecords(-1, 0, next, _lost));
            (_gap, _lost) = (false, 0);
        }
    }
}
