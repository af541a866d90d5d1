using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Capture;

/// <summary>An open capture of any format. Not thread-safe; events can be read once or more, one reading at a time.</summary>
public interface ICapture : IDisposable
{
    CaptureInfo Info { get; }

    /// <summary>
    /// Delivers every event in the capture's time order, on the calling thread. Damage does not throw: what was complete before
    /// it is delivered, and the damage is returned.
    /// </summary>
    /// <returns>null, or the first damage met.</returns>
    CaptureDamage? ReadEvents(IEventSink sink, ReadOptions options, CancellationToken cancellation);
}

/// <param name="Jobs">How many threads may decode at once; 0 = one for each processor.</param>
public sealed record ReadOptions(int Jobs = 0);

/// <summary>Receives the events of a capture, one virtual call for each.</summary>
public interface IEventSink
{
    /// <param name="record">Valid only during the call.</param>
    void Event(ref readonly EventRecord record);

    /// <summary>Records were lost just before the next event of that CPU.</summary>
    void Lost(in LostRecords lost);
}

/// <summary>One event; a view into the reader's buffers.</summary>
public ref struct EventRecord
{
    public EventFormat Format { get; set; }

    /// <summary>In <see cref="CaptureInfo.ClockUnit"/>, corrected as the capture's own tool does.</summary>
    public long Timestamp { get; set; }

    /// <summary>-1 if not recorded, see <see cref="CaptureInfo.CpuRecorded"/>.</summary>
    public int Cpu { get; set; }

    /// <summary>Thread id (the kernel's pid), -1 if not recorded.</summary>
    public int Pid { get; set; }

    /// <summary>Process id, -1 if not recorded.</summary>
    public int Tgid { get; set; }

    public string? Comm { get; set; }

    /// <summary>Index into <see cref="CaptureInfo.Instances"/>.</summary>
    public int Instance { get; set; }

    /// <summary>The record as the kernel wrote it, common fields first.</summary>
    public ReadOnlySpan<byte> Payload { get; set; }

    /// <summary>Bit n: field n of the format is unknown, and what the payload holds for it means nothing. Only where <see cref="EventFormat.Nullable"/>.</summary>
    public ulong Nulls { get; set; }
}

/// <param name="Cpu">-1 where the capture does not say on which.</param>
/// <param name="Timestamp">Of the first event after the hole; null if none follows.</param>
/// <param name="Count">null where the kernel did not say how many, or said what no hole can swallow.</param>
public readonly record struct LostRecords(int Cpu, int Instance, long? Timestamp, long? Count)
{
    // A day of ten million a second: sums of what is below stay sums.
    private const long Most = 1L << 40;

    public long? Count { get; } = Count is >= 0 and <= Most ? Count : null;
}
