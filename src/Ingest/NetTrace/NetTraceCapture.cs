using System.Globalization;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>
/// A .nettrace file of versions 4 to 6 (spec/trace-formats section 8), read by TraceEvent: once when it is opened, to learn what
/// each kind of event looks like, and once for each delivery.
/// </summary>
internal sealed class NetTraceCapture : ICapture
{
    private readonly CaptureFile _file;
    private readonly NetTraceStructure _structure;
    private readonly ShapeTable _shapes;

    public NetTraceCapture(CaptureFile file, string? kernel)
    {
        _file = file;
        _structure = NetTraceStructure.Read(file);
        Info = new CaptureInfo
        {
            Path = file.DisplayName,
            Format = "nettrace",
            Version = _structure.Version.ToString(CultureInfo.InvariantCulture),
            Kernel = kernel,
            Clock = "qpc",
            Date = _structure.Start is { } start ? DateOnly.FromDateTime(start) : null,
            Cpus = _structure.Processors,
        };
        _shapes = Observe();
        _shapes.Decide(Info);
        Info.Damage = _structure.Damage;
        if (_structure.LargePayloads > 0)
        {
            Info.Warnings.Add($"{_structure.LargePayloads} events have more than 64 KiB of payload, of which TraceEvent hands out a part");
        }

        if (_structure.Processors > 256)
        {
            Info.Warnings.Add("TraceEvent keeps 8 bits of a CPU's number: cpu is that modulo 256");
        }
    }

    public CaptureInfo Info { get; }

    public CaptureDamage? ReadEvents(IEventSink sink, ReadOptions options, CancellationToken cancellation)
    {
        _shapes.BeginDelivery();
        Delivery delivery = new(sink, _shapes, _structure.Frequency);
        CaptureDamage? damage = TraceEventReader.Read(_file, _structure, delivery.Event, delivery.Lost, cancellation);
        delivery.Finish();
        Info.Warnings.AddRange(_shapes.ValueWarnings().Except(Info.Warnings));
        return Info.Damage ?? damage;
    }

    public void Dispose() => _file.Dispose();

    private ShapeTable Observe()
    {
        // A block that TraceEvent refuses is left out with all behind it, and what is before is read again, so that events
        // which it still held back to sort them are not lost.
        while (true)
        {
            ShapeTable shapes = new();
            CaptureDamage? damage = TraceEventReader.Read(_file, _structure, shapes.Observe, static _ => { }, CancellationToken.None);
            if (damage is null)
            {
                return shapes;
            }

            if (damage.Offset >= _structure.CompleteLength || damage.Offset <= _structure.FirstBlock)
            {
                throw new CaptureException(damage);
            }

            _structure.CutAt(damage.Offset, damage);
        }
    }
}
