using System.Buffers.Binary;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.PerfData;

/// <summary>Turns the sorter's items into events: names of threads as COMM and FORK set them, holes before the next event of their CPU.</summary>
internal sealed class EventEmitter(IEventSink sink, PerfEvents events) : IItemSink
{
    private readonly IRunSink? _rows = sink as IRunSink;
    private readonly EventFormat[] _formats = [.. events.All.Select(e => e.Format!)];
    private readonly Dictionary<int, string> _comms = new() { [0] = "swapper" };
    private readonly Dictionary<string, string> _names = [];
    private readonly SortedDictionary<int, long> _pending = [];
    private int _lastTid = -1;
    private string? _lastComm;
    private long _lastTime = long.MinValue;
    private bool _anyPending;
    private long _lost;
    private long _lostTotal;

    /// <summary>Events older than one given out before.</summary>
    public long Late { get; private set; }

    public void Item(long timestamp, in ItemHead head, ReadOnlySpan<byte> payload)
    {
        if (head.Kind < 0)
        {
            Other(in head, payload);
            return;
        }

        if (head.Tid != _lastTid)
        {
            _lastTid = head.Tid;
            _lastComm = _comms.GetValueOrDefault(head.Tid);
        }

        if (_anyPending)
        {
            ReportLost(head.Cpu, timestamp);
        }

        if (timestamp < _lastTime)
        {
            Late++;
        }
        else
        {
            _lastTime = timestamp;
        }

        EventFormat format = _formats[head.Kind];
        if (_rows is null || !_rows.Take(format.Index, timestamp, head.Cpu, head.Tid, head.Pid, payload, _lastComm))
        {
            Deliver(timestamp, in head, payload, format);
        }
    }

    private void Deliver(long timestamp, in ItemHead head, ReadOnlySpan<byte> payload, EventFormat format)
    {
        EventRecord record = new()
        {
            Format = format,
            Timestamp = timestamp,
            Cpu = head.Cpu,
            Pid = head.Tid,
            Tgid = head.Pid,
            Comm = _lastComm,
            Instance = 0,
            Payload = payload,
        };
        sink.Event(in record);
    }

    /// <summary>Reports the holes that no event follows.</summary>
    public void Finish()
    {
        foreach ((int cpu, long count) in _pending)
        {
            sink.Lost(new LostRecords(cpu, 0, null, count));
        }

        _pending.Clear();

        // What an event lost behind the last record of its ring has no LOST record.
        if (_lostTotal > _lost)
        {
            sink.Lost(new LostRecords(-1, 0, null, _lostTotal - _lost));
        }
    }

    private void Other(in ItemHead head, ReadOnlySpan<byte> payload)
    {
        switch (head.Kind)
        {
            case ItemHead.Comm:
                _comms[head.Tid] = Name(payload);
                _lastTid = -1;
                break;
            case ItemHead.Fork:
                if (_comms.TryGetValue(head.Pid, out string? parent))
                {
                    _comms[head.Tid] = parent;
                }
                else
                {
                    _comms.Remove(head.Tid);
                }

                _lastTid = -1;
                break;
            case ItemHead.Lost:
                long count = BinaryPrimitives.ReadInt64LittleEndian(payload);
                _lost += count;
                _pending[head.Cpu] = _pending.GetValueOrDefault(head.Cpu) + count;
                _anyPending = true;
                break;
            default:
                _lostTotal += BinaryPrimitives.ReadInt64LittleEndian(payload);
                break;
        }
    }

    private void ReportLost(int cpu, long timestamp)
    {
        if (_pending.Remove(cpu, out long count))
        {
            sink.Lost(new LostRecords(cpu, 0, timestamp, count));
        }

        if (cpu != -1 && _pending.Remove(-1, out count))
        {
            sink.Lost(new LostRecords(-1, 0, timestamp, count));
        }

        _anyPending = _pending.Count > 0;
    }

    private string Name(ReadOnlySpan<byte> bytes)
    {
        string name = Tracefs.TraceText.Decode(bytes);
        if (_names.TryGetValue(name, out string? known))
        {
            return known;
        }

        _names[name] = name;
        return name;
    }
}
