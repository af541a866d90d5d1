using System.Buffers.Binary;
using System.Text;

namespace TraceReplay.Ingest.Tests.PerfData;

/// <summary>
/// Writes perf.data files from the specification (spec/trace-formats section 4) and from nothing of the reader, to make what no
/// real capture at hand shows.
/// </summary>
internal sealed class PerfDataBuilder
{
    public const ulong Ip = 1, Tid = 2, Time = 4, Addr = 8, Read = 16, Callchain = 32, Id = 64, Cpu = 128, Period = 256, StreamId = 512, Raw = 1024;
    public const ulong BranchStack = 2048, RegsUser = 4096, StackUser = 8192, Weight = 1 << 14, DataSrc = 1 << 15, Identifier = 1 << 16, PhysAddr = 1 << 19;

    /// <summary>What perf record asks of a tracepoint.</summary>
    public const ulong Usual = Identifier | Ip | Tid | Time | Cpu | Period | Raw;

    public bool BigEndian { get; init; }

    public bool Pipe { get; init; }

    /// <summary>PERFFILE, not PERFILE2.</summary>
    public bool OldMagic { get; init; }

    /// <summary>Of the recording kernel: the bitmap of features is one of such numbers, and so are pointers in events.</summary>
    public int LongSize { get; init; } = 8;

    /// <summary>Of perf_event_attr; what this file does not know of is filled with ones.</summary>
    public int AttrSize { get; init; } = 136;

    /// <summary>0, 81 or 83.</summary>
    public int Compressed { get; init; }

    /// <summary>Plain bytes of a compressed record; small ones make records span several.</summary>
    public int CompressedPiece { get; init; } = 45;

    public bool SampleIdAll { get; init; } = true;

    /// <summary>false: no TRACING_DATA, nothing but the attributes describes a tracepoint.</summary>
    public bool WithFormats { get; init; } = true;

    public int? ClockId { get; init; }

    /// <summary>The main file of a directory, as perf record --threads writes it.</summary>
    public bool Directory { get; init; }

    public List<(string? Name, uint Type, ulong Config, ulong SampleType, ulong ReadFormat, ulong[] Ids)> Events { get; } = [];

    public List<(string System, string Format)> Formats { get; } = [];

    /// <summary>Whole records, from the methods below.</summary>
    public List<byte[]> Records { get; } = [];

    /// <summary>Offsets where something starts, for tests that cut the file.</summary>
    public List<int> Boundaries { get; } = [];

    /// <summary>The tracepoint kvm:kvm_fpu of these tests: a number, a pointer of the kernel's size, a text.</summary>
    public void AddTracepoint(string name = "kvm_fpu", int id = 700, ulong sampleType = Usual, params ulong[] ids)
    {
        Events.Add(("kvm:" + name, 2, (ulong)id, sampleType, 0, ids.Length == 0 ? [(ulong)id] : ids));
        Formats.Add(("kvm", TraceDatBuilder.Format(
            name,
            id,
            "u32 load;\toffset:8;\tsize:4;\tsigned:0;",
            $"void * at;\toffset:{(LongSize == 8 ? 16 : 12)};\tsize:{LongSize};\tsigned:0;",
            $"char text[8];\toffset:{(LongSize == 8 ? 24 : 16)};\tsize:8;\tsigned:0;")));
    }

    public byte[] Payload(int id, uint load, ulong at, string text, int pid = 42)
    {
        byte[] padding = LongSize == 8 ? U32(0) : [];
        byte[] chars = new byte[8];
        Encoding.ASCII.GetBytes(text).CopyTo(chars, 0);
        return [.. U16(id), 0, 0, .. U32((uint)pid), .. U32(load), .. padding, .. Number(at, LongSize), .. chars];
    }

    /// <summary>A sample of <see cref="Usual"/> parts.</summary>
    public byte[] Sample(ulong id, ulong time, byte[] payload, uint cpu = 0, uint pid = 40, uint tid = 42)
    {
        // The raw part is a u32 size and bytes, filled up so that both together end on 8.
        int size = ((payload.Length + 4 + 7) & ~7) - 4;
        byte[] raw = new byte[size];
        payload.CopyTo(raw, 0);
        return Record(9, [.. U64(id), .. U64(0xffff0), .. U32(pid), .. U32(tid), .. U64(time), .. U32(cpu), .. U32(0), .. U64(1), .. U32((uint)size), .. raw]);
    }

    public byte[] Tracepoint(ulong time, uint load, uint cpu = 0, int id = 700, uint tid = 42) =>
        Sample((ulong)id, time, Payload(id, load, 0xdeadbeef, "te", (int)tid), cpu, tid: tid);

    public byte[] Comm(uint pid, uint tid, string name, ulong time)
    {
        byte[] text = new byte[(Encoding.UTF8.GetByteCount(name) + 8) & ~7];
        Encoding.UTF8.GetBytes(name).CopyTo(text, 0);
        return Record(3, [.. U32(pid), .. U32(tid), .. text, .. IdBlock(pid, tid, time, 0)]);
    }

    public byte[] Fork(uint parent, uint child, ulong time) =>
        Record(7, [.. U32(child), .. U32(parent), .. U32(child), .. U32(parent), .. U64(time), .. IdBlock(parent, parent, time, 0)]);

    public byte[] Lost(ulong count, ulong time, uint cpu) => Record(2, [.. U64(Events[0].Ids[0]), .. U64(count), .. IdBlock(0, 0, time, cpu)]);

    public byte[] LostSamples(ulong count, ulong time, uint cpu) => Record(13, [.. U64(count), .. IdBlock(0, 0, time, cpu)]);

    public byte[] Round() => Record(68, []);

    public byte[] Record(uint type, byte[] body, int misc = 0) => [.. U32(type), .. U16(misc), .. U16(8 + body.Length), .. body];

    public byte[] Build()
    {
        byte[] records = Compressed == 0 ? [.. Records.SelectMany(r => r)] : Compress();
        return Pipe ? BuildPipe(records) : BuildFile(records);
    }

    /// <summary>The records alone, as in the files of a directory that only have data.</summary>
    public byte[] BuildRecords() => Compressed == 0 ? [.. Records.SelectMany(r => r)] : Compress();

    public byte[] U16(int v) => Number((ulong)v, 2);

    public byte[] U32(uint v) => Number(v, 4);

    public byte[] U64(ulong v) => Number(v, 8);

    private byte[] Number(ulong v, int size)
    {
        byte[] b = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(b, v);
        b = b[..size];
        if (BigEndian)
        {
            Array.Reverse(b);
        }

        return b;
    }

    private byte[] IdBlock(uint pid, uint tid, ulong time, uint cpu)
    {
        ulong type = Events[0].SampleType;
        return !SampleIdAll ? [] :
        [
            .. (type & Tid) != 0 ? (byte[])[.. U32(pid), .. U32(tid)] : [],
            .. (type & Time) != 0 ? U64(time) : [],
            .. (type & Id) != 0 ? U64(Events[0].Ids[0]) : [],
            .. (type & StreamId) != 0 ? U64(77) : [],
            .. (type & Cpu) != 0 ? (byte[])[.. U32(cpu), .. U32(0)] : [],
            .. (type & Identifier) != 0 ? U64(Events[0].Ids[0]) : [],
        ];
    }

    private byte[] BuildFile(byte[] records)
    {
        int idsAt = 104;
        int attrsAt = idsAt + Events.Sum(e => 8 * e.Ids.Length);
        int stride = AttrSize + 16;
        int dataAt = attrsAt + (stride * Events.Count);
        List<byte> ids = [];
        List<byte> attrs = [];
        foreach ((string? name, uint type, ulong config, ulong sampleType, ulong readFormat, ulong[] own) in Events)
        {
            attrs.AddRange([.. Attr(type, config, sampleType, readFormat), .. U64((ulong)(idsAt + ids.Count)), .. U64((ulong)(8 * own.Length))]);
            ids.AddRange(own.SelectMany(U64));
        }

        List<(int Bit, byte[] Body)> features = Features();
        ulong bits = features.Aggregate(0UL, (b, f) => b | (1UL << f.Bit));
        byte[] bitmap = LongSize == 4 && BigEndian ? [.. U32((uint)bits), .. U32((uint)(bits >> 32))] : U64(bits);
        byte[] magic = OldMagic ? "PERFFILE"u8.ToArray() : BigEndian ? "2ELIFREP"u8.ToArray() : "PERFILE2"u8.ToArray();
        byte[] header =
        [
            .. magic, .. U64(104), .. U64((ulong)stride), .. U64((ulong)attrsAt), .. U64((ulong)(stride * Events.Count)),
            .. U64((ulong)dataAt), .. U64((ulong)records.Length), .. U64(0), .. U64(0), .. bitmap, .. new byte[24],
        ];
        int bodyAt = dataAt + records.Length + (16 * features.Count);
        List<byte> table = [];
        List<byte> bodies = [];
        foreach ((_, byte[] body) in features)
        {
            table.AddRange([.. U64((ulong)(bodyAt + bodies.Count)), .. U64((ulong)body.Length)]);
            bodies.AddRange(body);
        }

        Boundaries.AddRange([8, 16, 24, 104, attrsAt, dataAt]);
        int at = dataAt;
        foreach (byte[] r in Compressed == 0 ? Records : [])
        {
            Boundaries.Add(at += r.Length);
        }

        Boundaries.AddRange([dataAt + records.Length, bodyAt]);
        return [.. header, .. ids, .. attrs, .. records, .. table, .. bodies];
    }

    private byte[] BuildPipe(byte[] records)
    {
        List<byte> file = [.. OldMagic ? "PERFFILE"u8 : BigEndian ? "2ELIFREP"u8 : "PERFILE2"u8, .. U64(16)];
        foreach ((string? name, uint type, ulong config, ulong sampleType, ulong readFormat, ulong[] ids) in Events)
        {
            file.AddRange(Record(64, [.. Attr(type, config, sampleType, readFormat), .. ids.SelectMany(U64)]));
        }

        foreach ((int bit, byte[] body) in Features())
        {
            byte[] padded = [.. body, .. new byte[-body.Length & 7]];
            file.AddRange(bit == 1 ? [.. Record(66, U32((uint)body.Length)), .. padded] : Record(80, [.. U64((ulong)bit), .. padded]));
        }

        file.AddRange(records);
        return [.. file];
    }

    private byte[] Attr(uint type, ulong config, ulong sampleType, ulong readFormat)
    {
        ulong flags = (SampleIdAll ? Bit(18) : 0) | (ClockId is null ? 0 : Bit(25));
        byte[] known =
        [
            .. U32(type), .. U32((uint)AttrSize), .. U64(config), .. U64(1), .. U64(sampleType), .. U64(readFormat), .. U64(flags),
            .. U32(0), .. U32(0), .. U64(0), .. U64(0), .. U64(0), .. U64(3), .. U32(0), .. U32((uint)(ClockId ?? 0)), .. U64(0), .. new byte[32],
        ];
        return AttrSize <= known.Length ? known[..AttrSize] : [.. known, .. Enumerable.Repeat((byte)0xff, AttrSize - known.Length)];

        // Compilers for big-endian machines allot bit fields from the other end.
        ulong Bit(int n) => 1UL << (BigEndian ? 63 - n : n);
    }

    private List<(int Bit, byte[] Body)> Features()
    {
        List<(int, byte[])> features = [];
        if (WithFormats)
        {
            features.Add((1, TracingData()));
        }

        features.Add((3, Text("testhost")));
        features.Add((4, Text("6.12.0-test")));
        features.Add((7, [.. U32(4), .. U32(2)]));
        if (Events.Any(e => e.Name is not null))
        {
            byte[] desc = [.. Events.SelectMany(e => (byte[])[.. Attr(e.Type, e.Config, e.SampleType, e.ReadFormat), .. U32((uint)e.Ids.Length), .. Text(e.Name ?? ""), .. e.Ids.SelectMany(U64)])];
            features.Add((12, [.. U32((uint)Events.Count), .. U32((uint)AttrSize), .. desc]));
        }

        if (Directory)
        {
            features.Add((24, U64(1)));
        }

        if (ClockId is { } clock)
        {
            features.Add((29, [.. U32(1), .. U32((uint)clock), .. U64(1_700_000_000_123_456_789), .. U64(5)]));
        }

        return features;
    }

    private byte[] Text(string text)
    {
        byte[] bytes = new byte[(Encoding.UTF8.GetByteCount(text) + 64) & ~63];
        Encoding.UTF8.GetBytes(text).CopyTo(bytes, 0);
        return [.. U32((uint)bytes.Length), .. bytes];
    }

    private byte[] TracingData()
    {
        string headerPage = $"\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:{LongSize};\tsigned:1;\n\tfield: char data;\toffset:{8 + LongSize};\tsize:4080;\tsigned:1;\n";
        List<byte> d = [0x17, 0x08, 0x44, .. "tracing0.5\0"u8, BigEndian ? (byte)1 : (byte)0, (byte)LongSize, .. U32(4096)];
        d.AddRange([.. "header_page\0"u8, .. Sized(headerPage), .. "header_event\0"u8, .. Sized("type_len: 5 bits\n"), .. U32(0)]);
        List<IGrouping<string, (string System, string Format)>> systems = [.. Formats.GroupBy(f => f.System)];
        d.AddRange(U32((uint)systems.Count));
        foreach (IGrouping<string, (string System, string Format)> system in systems)
        {
            d.AddRange([.. Encoding.ASCII.GetBytes(system.Key + "\0"), .. U32((uint)system.Count())]);
            d.AddRange(system.SelectMany(f => Sized(f.Format)));
        }

        d.AddRange([.. U32(0), .. U32(0)]);
        return [.. d];

        byte[] Sized(string text) => [.. U64((ulong)text.Length), .. Encoding.ASCII.GetBytes(text)];
    }

    /// <summary>One zstd stream, cut into records wherever a piece happens to end; rounds stay outside, as perf writes them.</summary>
    private byte[] Compress()
    {
        List<byte> file = [];
        using MemoryStream packed = new();
        using ZstdSharp.CompressionStream zstd = new(packed, 1);
        List<byte> plain = [];
        foreach (byte[] record in Records)
        {
            if (record.AsSpan().SequenceEqual(Round()))
            {
                Flush();
                file.AddRange(record);
            }
            else
            {
                plain.AddRange(record);
            }
        }

        Flush();
        return [.. file];

        void Flush()
        {
            byte[] bytes = [.. plain];
            plain.Clear();
            for (int at = 0; at < bytes.Length; at += CompressedPiece)
            {
                zstd.Write(bytes, at, Math.Min(CompressedPiece, bytes.Length - at));
                zstd.Flush();
                byte[] body = packed.ToArray();
                packed.SetLength(0);
                file.AddRange(Compressed == 81
                    ? Record(81, body)
                    : Record(83, [.. U64((ulong)body.Length), .. body, .. new byte[-body.Length & 7]]));
            }
        }
    }
}
