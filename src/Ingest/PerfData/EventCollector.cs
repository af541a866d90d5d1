using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.PerfData;

/// <summary>
/// Takes what matters out of each record and hands it to the sorter as an item: the numbers of an <see cref="ItemHead"/>, then
/// the row's payload. Rounds are given out as the recorder ended them.
/// </summary>
internal sealed class EventCollector : IRecordVisitor
{
    private const int MostUnknownTypes = 32;

    private readonly CaptureFile _file;
    private readonly PerfEvents _events;
    private readonly EventSorter _sorter;
    private readonly IItemSink _untimed;
    private readonly bool _bigEndian;
    private readonly bool _rounds;
    private readonly SampleLayout _first;
    private readonly SampleFields _fields;
    private readonly PlainSample[] _plain;
    private byte[] _row = new byte[256];
    private byte[] _item = new byte[256];
    private long _latest;
    private long _roundEnd;

    /// <param name="rounds">Whether FINISHED_ROUND counts: in a directory each file has rounds of its own.</param>
    public EventCollector(CaptureFile file, PerfEvents events, EventSorter sorter, IItemSink untimed, bool bigEndian, bool rounds)
    {
        (_file, _events, _sorter, _untimed, _bigEndian, _rounds) = (file, events, sorter, untimed, bigEndian, rounds);
        _first = events.All[0].Layout;
        _fields = new SampleFields(bigEndian);
        _plain = [.. events.All.Select(e => new PlainSample(e, bigEndian))];
    }

    /// <summary>Samples whose id no attribute has.</summary>
    public long Unknown { get; private set; }

    /// <summary>Records of types that neither the kernel nor perf is known to write; the last key stands for all further ones.</summary>
    public SortedDictionary<uint, long> UnknownTypes { get; } = [];

    /// <summary>Samples of tracepoints with a call chain, which an event table has no column for.</summary>
    public long Callchains { get; private set; }

    public int Take(ReadOnlySpan<byte> data)
    {
        // The fields of samples that record no more than tracepoints usually do stand at places that are known: no search, no copy of them.
        ref byte first = ref MemoryMarshal.GetReference(data);
        int idAt = _plain.Length > 1 ? _first.AnyId : -1;
        int at = 0;
        while (data.Length - at >= RecordReader.HeaderSize)
        {
            ref byte record = ref Unsafe.Add(ref first, at);
            int size = At<ushort>(ref record, 6);
            if (At<uint>(ref record, 0) != RecordTypes.Sample || size > data.Length - at || size < idAt + sizeof(ulong))
            {
                break;
            }

            int index = idAt < 0 ? 0 : _events.IndexOf(At<ulong>(ref record, idAt));
            if (index < 0)
            {
                break;
            }

            ref readonly PlainSample plain = ref _plain[index];
            int raw = plain.RawSize + sizeof(uint);
            if (plain.RawSize < 0 || size < raw || At<uint>(ref record, plain.RawSize) is var length && length > size - raw || At<long>(ref record, plain.Time) is var time && time is 0 or -1)
            {
                break;
            }

            ItemHead head = new() { Kind = index, Tid = At<int>(ref record, plain.Tid + 4), Pid = At<int>(ref record, plain.Tid), Cpu = At<int>(ref record, plain.Cpu) };
            _sorter.Add(time, in head, ref Unsafe.Add(ref record, raw), (int)length, data.Length - at - raw);
            _latest = Math.Max(_latest, time);
            at += size;
        }

        return at;
    }

    public CaptureDamage? Record(uint type, ReadOnlySpan<byte> record, long offset)
    {
        switch (type)
        {
            case RecordTypes.Sample:
                return Sample(record, offset);
            case RecordTypes.FinishedRound:
                if (_rounds)
                {
                    // What is older than the round before this one cannot come any more.
                    _sorter.Flush(_roundEnd);
                    _roundEnd = _latest;
                }

                return null;
            case RecordTypes.Comm:
                return Comm(record, offset);
            case RecordTypes.Fork:
                return Fork(record, offset);
            case RecordTypes.Lost:
                return Lost(record, offset);
            case RecordTypes.LostSamples:
                return LostSamples(record, offset);
            default:
                if (!RecordTypes.IsKnown(type))
                {
                    // A damaged file can have as many types as records.
                    uint key = UnknownTypes.Count < MostUnknownTypes || UnknownTypes.ContainsKey(type) ? type : uint.MaxValue;
                    UnknownTypes[key] = UnknownTypes.GetValueOrDefault(key) + 1;
                }

                return null;
        }
    }

    private CaptureDamage? Sample(ReadOnlySpan<byte> record, long offset)
    {
        int index = 0;
        if (_events.All.Count > 1 && _first.AnyId >= 0)
        {
            if (record.Length < _first.AnyId + 8)
            {
                return TooShort(record, offset, _first.AnyId + 8);
            }

            index = _events.IndexOf(U64(record, _first.AnyId));
            if (index < 0)
            {
                Unknown++;
                return null;
            }
        }

        PerfEvent e = _events.All[index];
        SampleLayout layout = e.Layout;
        if (record.Length < layout.FixedEnd)
        {
            return TooShort(record, offset, layout.FixedEnd);
        }

        ItemHead head = new()
        {
            Kind = index,
            Tid = layout.Tid < 0 ? -1 : (int)U32(record, layout.Tid + 4),
            Pid = layout.Tid < 0 ? -1 : (int)U32(record, layout.Tid),
            Cpu = layout.Cpu < 0 ? -1 : (int)U32(record, layout.Cpu),
        };
        long time = layout.Time < 0 ? 0 : (long)U64(record, layout.Time);
        if (!_fields.Locate(record, e, out SampleParts parts))
        {
            return new CaptureDamage(_file.DisplayName, offset, $"a sample of {record.Length} bytes that ends within {parts.Failed}", "expected a whole sample");
        }

        if (e.IsTracepoint)
        {
            Callchains += parts.Callchain.Size > 8 ? 1 : 0;
            Put(head, time, record.Slice(parts.Raw.Start, parts.Raw.Size));
            return null;
        }

        Span<byte> row = Grown(ref _row, SampleFields.MaxSize + record.Length);
        Put(head, time, row[.._fields.WriteRow(record, e, in parts, row)]);
        return null;
    }

    private CaptureDamage? Comm(ReadOnlySpan<byte> record, long offset)
    {
        // u32 pid, tid; char comm[]
        SampleLayout layout = Trailer(record);
        if (record.Length < 17 + layout.TrailerSize)
        {
            return TooShort(record, offset, 17 + layout.TrailerSize);
        }

        ItemHead head = new() { Kind = ItemHead.Comm, Pid = (int)U32(record, 8), Tid = (int)U32(record, 12), Cpu = -1 };
        ReadOnlySpan<byte> comm = record[16..^layout.TrailerSize];
        int nul = comm.IndexOf((byte)0);
        Put(head, TrailingTime(record, layout), nul < 0 ? comm : comm[..nul]);
        return null;
    }

    private CaptureDamage? Fork(ReadOnlySpan<byte> record, long offset)
    {
        // u32 pid, ppid, tid, ptid; u64 time
        SampleLayout layout = Trailer(record);
        if (record.Length < 32 + layout.TrailerSize)
        {
            return TooShort(record, offset, 32 + layout.TrailerSize);
        }

        ItemHead head = new() { Kind = ItemHead.Fork, Pid = (int)U32(record, 20), Tid = (int)U32(record, 16), Cpu = -1 };
        Put(head, TrailingTime(record, layout), []);
        return null;
    }

    private CaptureDamage? Lost(ReadOnlySpan<byte> record, long offset)
    {
        // u64 id, lost
        SampleLayout layout = Trailer(record);
        return record.Length < 24 + layout.TrailerSize
            ? TooShort(record, offset, 24 + layout.TrailerSize)
            : Hole(record, layout, ItemHead.Lost, U64(record, 16), TrailingTime(record, layout));
    }

    private CaptureDamage? LostSamples(ReadOnlySpan<byte> record, long offset)
    {
        SampleLayout layout = Trailer(record);
        if (record.Length < 16 + layout.TrailerSize)
        {
            return TooShort(record, offset, 16 + layout.TrailerSize);
        }

        // With a time, the kernel lost samples here; without, the recorder asked at the end how many each event had lost,
        // which counts those of LOST records again.
        long time = TrailingTime(record, layout);
        return Hole(record, layout, time == 0 ? ItemHead.LostTotal : ItemHead.Lost, U64(record, 8), time);
    }

    private CaptureDamage? Hole(ReadOnlySpan<byte> record, SampleLayout layout, int kind, ulong count, long time)
    {
        int cpu = layout.TrailingCpu < 0 || kind == ItemHead.LostTotal ? -1 : (int)U32(record, record.Length - layout.TrailingCpu);
        Span<byte> payload = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, Math.Min(count, long.MaxValue));
        Put(new ItemHead { Kind = kind, Cpu = cpu, Pid = -1, Tid = -1 }, time, payload);
        return null;
    }

    /// <summary>As perf does: what has no time takes effect where it stands.</summary>
    private void Put(in ItemHead head, long time, ReadOnlySpan<byte> payload)
    {
        if (time is 0 or -1)
        {
            Span<byte> item = Grown(ref _item, payload.Length + PayloadCopy.Slack)[..payload.Length];
            payload.CopyTo(item);
            _untimed.Item(0, in head, item);
        }
        else
        {
            _sorter.Add(time, in head, payload);
            _latest = Math.Max(_latest, time);
        }
    }

    /// <summary>The layout of the id block, of the event whose id stands in it.</summary>
    private SampleLayout Trailer(ReadOnlySpan<byte> record)
    {
        if (_events.All.Count == 1 || _first.TrailingAnyId < 0 || record.Length < 8 + _first.TrailingAnyId)
        {
            return _first;
        }

        int index = _events.IndexOf(U64(record, record.Length - _first.TrailingAnyId));
        return index < 0 ? _first : _events.All[index].Layout;
    }

    private long TrailingTime(ReadOnlySpan<byte> record, SampleLayout layout) =>
        layout.TrailingTime < 0 ? 0 : (long)U64(record, record.Length - layout.TrailingTime);

    private CaptureDamage TooShort(ReadOnlySpan<byte> record, long offset, int needed) =>
        new(_file.DisplayName, offset, $"a record of {record.Length} bytes", $"expected at least {needed}");

    private static Span<byte> Grown(ref byte[] buffer, int length)
    {
        if (buffer.Length < length)
        {
            buffer = new byte[length * 2];
        }

        return buffer.AsSpan(0, length);
    }

    private static T At<T>(ref byte record, int offset)
        where T : unmanaged =>
        Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref record, offset));

    private uint U32(ReadOnlySpan<byte> b, int at) => _bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(b[at..]) : BinaryPrimitives.ReadUInt32LittleEndian(b[at..]);

    private ulong U64(ReadOnlySpan<byte> b, int at) => _bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(b[at..]) : BinaryPrimitives.ReadUInt64LittleEndian(b[at..]);
}
