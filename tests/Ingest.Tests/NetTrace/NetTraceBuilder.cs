using System.Text;

namespace TraceReplay.Ingest.Tests.NetTrace;

/// <summary>Writes .nettrace files of version 6, and of version 4 in its serialization, from their specifications.</summary>
internal sealed class NetTraceBuilder
{
    private readonly List<byte> _file = [];
    private readonly int _version;
    private readonly Dictionary<int, int> _sequence = [];
    private readonly HashSet<int> _threads = [];

    public NetTraceBuilder(int version = 6, long frequency = 1_000_000_000, int processors = 4)
    {
        _version = version;
        Write([.. "Nettrace"u8]);
        if (version >= 6)
        {
            Write(Bytes(0), Bytes(version), Bytes(0));
        }
        else
        {
            Write(Bytes(20), [.. "!FastSerialization.1"u8]);
        }

        byte[] clock = [.. Shorts(2026, 11, 7, 22, 15, 22, 16, 386), .. Bytes(1000L), .. Bytes(frequency), .. Bytes(8)];
        Block(1, "Trace", version >= 6
            ? [.. clock, .. Bytes(1), .. Text("HardwareThreadCount"), .. Text($"{processors}")]
            : [.. clock, .. Bytes(4711), .. Bytes(processors), .. Bytes(0)]);
    }

    /// <summary>Offsets at which a block begins or ends.</summary>
    public List<long> Boundaries { get; } = [];

    public static byte[] Bytes(int value) => BitConverter.GetBytes(value);

    public static byte[] Bytes(long value) => BitConverter.GetBytes(value);

    public static byte[] Utf16(string text) => Encoding.Unicode.GetBytes(text + "\0");

    /// <summary>The first 8 bytes of a kernel record.</summary>
    public static byte[] Common(int type, int pid) => [(byte)type, (byte)(type >> 8), 0, 1, .. Bytes(pid)];

    /// <summary>perf makes a record and its size, 4 bytes, fill units of 8.</summary>
    public static byte[] Padded(params byte[][] parts)
    {
        byte[] record = [.. parts.SelectMany(p => p)];
        Array.Resize(ref record, ((record.Length + 4 + 7) & ~7) - 4);
        return record;
    }

    /// <summary>A kernel tracepoint described as the recorder does it: common fields, then those given.</summary>
    public NetTraceBuilder Tracepoint(int metadataId, string system, string name, int eventId, params (string Name, int Code)[] fields) =>
        Metadata(metadataId, system, name, eventId, [("common_type", 8), ("common_flags", 6), ("common_preempt_count", 6), ("common_pid", 9), .. fields]);

    /// <param name="fields">Names and type codes of the specification.</param>
    public NetTraceBuilder Metadata(int metadataId, string provider, string name, int eventId, params (string Name, int Code)[] fields)
    {
        byte[] row = _version >= 6
            ?
            [
                .. Varint(metadataId), .. Text(provider), .. Varint(eventId), .. Text(name), .. Shorts(fields.Length),
                .. fields.SelectMany(f => (byte[])[.. Shorts(Text(f.Name).Length + 1), .. Text(f.Name), (byte)f.Code]), .. Shorts(0),
            ]
            :
            [
                .. Bytes(metadataId), .. Utf16(provider), .. Bytes(eventId), .. Utf16(name), .. Bytes(0L), .. Bytes(0), .. Bytes(4), .. Bytes(fields.Length),
                .. fields.SelectMany(f => (byte[])[.. Bytes(f.Code), .. Utf16(f.Name)]),
            ];
        return Description(row);
    }

    /// <summary>A description as bytes, for those that no writer makes.</summary>
    public NetTraceBuilder Description(byte[] row)
    {
        Block(3, "MetadataBlock", _version >= 6
            ? [.. Shorts(0), .. Shorts(row.Length), .. row]
            : [.. Header(), .. PlainHeader(0, 0, 0, 0, 0, 0, row.Length), .. row]);
        return this;
    }

    /// <summary>Version 6 only: thread index to process and thread.</summary>
    public NetTraceBuilder Thread(int index, int pid, int tid)
    {
        _threads.Add(index);
        byte[] row = [.. Varint(index), 2, .. Varint(pid), 3, .. Varint(tid)];
        Block(6, "", [.. Shorts(row.Length), .. row]);
        return this;
    }

    /// <summary>One block of events; in version 6 threads that were not described are before it.</summary>
    public NetTraceBuilder Events(params (int MetadataId, int Thread, int Cpu, long Time, byte[] Payload)[] events)
    {
        foreach (int thread in events.Select(e => e.Thread).Distinct().Where(t => _version >= 6 && !_threads.Contains(t)))
        {
            Thread(thread, 4711, thread);
        }

        byte[] content = Header();
        foreach ((int metadataId, int thread, int cpu, long time, byte[] payload) in events)
        {
            int sequence = _sequence[thread] = _sequence.GetValueOrDefault(thread) + 1;
            content = [.. content, .. PlainHeader(metadataId, sequence, thread, cpu, time, 1, payload.Length), .. payload];
        }

        Block(2, "EventBlock", content);
        return this;
    }

    /// <summary>The thread's next events carry numbers that are larger by this.</summary>
    public NetTraceBuilder Lose(int thread, int count)
    {
        _sequence[thread] = _sequence.GetValueOrDefault(thread) + count;
        return this;
    }

    public NetTraceBuilder Block(int kind, string name, byte[] content)
    {
        Boundaries.Add(_file.Count);
        if (_version >= 6)
        {
            Write(Bytes((kind << 24) | content.Length));
        }
        else
        {
            Write((byte[])[5, 5, 1], Bytes(name == "Trace" ? 4 : 2), Bytes(0), Bytes(name.Length), Encoding.ASCII.GetBytes(name), (byte[])[6]);
            if (name != "Trace")
            {
                Write(Bytes(content.Length));
                Write(new byte[(4 - (_file.Count & 3)) & 3]);
            }
        }

        Write(content);
        if (_version < 6)
        {
            Write((byte[])[6]);
        }

        Boundaries.Add(_file.Count);
        return this;
    }

    public byte[] Build()
    {
        byte[] end = _version >= 6 ? [0, 0, 0, 0] : [1];
        return [.. _file, .. end];
    }

    public static byte[] Text(string text) => [.. Varint(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];

    public static byte[] Shorts(params int[] values) => [.. values.SelectMany(v => (byte[])[(byte)v, (byte)(v >> 8)])];

    public static byte[] Varint(int value)
    {
        List<byte> bytes = [];
        for (uint rest = (uint)value; ; rest >>= 7)
        {
            if (rest < 0x80)
            {
                return [.. bytes, (byte)rest];
            }

            bytes.Add((byte)(rest | 0x80));
        }
    }

    private static byte[] Header() => [.. Shorts(20, 0), .. new byte[16]];

    private byte[] PlainHeader(int metadataId, int sequence, int thread, int cpu, long time, int sorted, int payload)
    {
        byte[] start =
        [
            .. Bytes(0), .. Bytes(sorted == 1 ? metadataId : metadataId | int.MinValue), .. Bytes(sequence), .. Bytes((long)thread), .. Bytes((long)thread),
            .. Bytes(cpu), .. Bytes(0), .. Bytes(time),
        ];
        return _version >= 6 ? [.. start, .. Bytes(0), .. Bytes(payload)] : [.. start, .. new byte[32], .. Bytes(payload)];
    }

    private void Write(params byte[][] parts) => _file.AddRange(parts.SelectMany(p => p));
}
