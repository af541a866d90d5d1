using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Fuzz;

/// <summary>Reads every field of every event and keeps a number for all of them in their order, by which two readings are compared.</summary>
internal sealed class Digest(CaptureInfo info) : IEventSink
{
    private readonly Dictionary<EventFormat, ulong> _names = [];

    public long Events { get; private set; }

    public Dictionary<string, long> Counts { get; } = new(StringComparer.Ordinal);

    public ulong Value { get; private set; } = 14695981039346656037;

    public long Holes { get; private set; }

    public void Event(ref readonly EventRecord record)
    {
        Events++;
        EventFormat format = record.Format;
        if (!_names.TryGetValue(format, out ulong name))
        {
            _names.Add(format, name = Hash(format.FullName));
        }

        Counts[format.FullName] = Counts.GetValueOrDefault(format.FullName) + 1;
        Add(name);
        Add((ulong)record.Timestamp);
        Add(((ulong)(uint)record.Cpu << 32) | (uint)record.Pid);
        Add(((ulong)(uint)record.Tgid << 32) | Hash(info.Instances[record.Instance]));
        Add(record.Comm is { } comm ? Hash(comm) : 1);
        Add(record.Nulls);
        foreach (EventField field in format.Fields)
        {
            if (FieldReader.Number(format, field, record.Payload) is { } number)
            {
                Add(number);
            }
            else
            {
                foreach (byte b in FieldReader.Bytes(field, record.Payload, format.BigEndian))
                {
                    Add(b);
                }
            }
        }
    }

    public void Lost(in LostRecords lost) => Holes++;

    private void Add(ulong value) => Value = (Value ^ value) * 1099511628211;

    private static ulong Hash(string text)
    {
        ulong hash = 7;
        foreach (char c in text)
        {
            hash = (hash ^ c) * 1099511628211;
        }

        return hash;
    }
}
