using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace TraceReplay.Ingest.Tests;

/// <summary>
/// Writes trace.dat files from the specification (spec/trace-formats sections 1 and 2) and from nothing of the reader, to make
/// what no real capture at hand shows.
/// </summary>
internal sealed class TraceDatBuilder
{
    public int Version { get; init; } = 7;

    public bool BigEndian { get; init; }

    public int LongSize { get; init; } = 8;

    public string Compression { get; init; } = "none";

    public int PageSize { get; init; } = 4096;

    public string Kallsyms { get; init; } = "ffffffff81000000 T _text\nffffffff81000100 T probed_function\nffffffff81000200 t other\t[kvm_amd]\n";

    public string Cmdlines { get; init; } = "42 worker one\n43 <...>\n";

    /// <summary>Options before the buffers: id and data.</summary>
    public List<(ushort Id, byte[] Data)> Options { get; } = [];

    /// <summary>(System, format text).</summary>
    public List<(string System, string Format)> Formats { get; } = [];

    /// <summary>Instances: name, then CPU and its pages.</summary>
    public List<(string Name, List<(int Cpu, List<byte[]> Pages)> Cpus)> Buffers { get; } = [];

    /// <summary>Offsets where something starts, for tests that cut the file.</summary>
    public List<long> Boundaries { get; } = [];

    public static string Format(string name, int id, params string[] fields) =>
        $"name: {name}\nID: {id}\nformat:\n"
        + "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
        + "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
        + "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
        + "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
        + string.Concat(fields.Select(f => $"\tfield:{f}\n"))
        + "\nprint fmt: \"nobody can read this %({{\", REC->\n";

    public byte[] U16(int v) => Number((ulong)v, 2);

    public byte[] U32(uint v) => Number(v, 4);

    public byte[] U64(ulong v) => Number(v, 8);

    public byte[] Number(ulong v, int size)
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

    public static byte[] Z(string s) => [.. Encoding.UTF8.GetBytes(s), 0];

    /// <summary>A record's payload: common fields, then the rest.</summary>
    public byte[] Payload(int id, int pid, params byte[][] rest) => [.. U16(id), 1, 2, .. U32((uint)pid), .. rest.SelectMany(r => r)];

    /// <summary>A record with its 27-bit delta; large payloads (and odd ones) take the long form.</summary>
    public byte[] Record(uint delta, byte[] payload, bool longForm = false)
    {
        byte[] padded = [.. payload, .. new byte[(4 - (payload.Length % 4)) % 4]];
        return longForm || padded.Length > 28 * 4
            ? [.. Header(0, delta), .. U32((uint)payload.Length + 4), .. padded]
            : [.. Header((uint)padded.Length / 4, delta), .. padded];
    }

    public byte[] TimeExtend(ulong delta) => [.. Header(30, (uint)(delta & 0x7ffffff)), .. U32((uint)(delta >> 27))];

    public byte[] TimeStamp(ulong absolute) => [.. Header(31, (uint)(absolute & 0x7ffffff)), .. U32((uint)((absolute >> 27) & 0xffffffff))];

    /// <summary>A discarded record, whose delta still counts: <paramref name="bytes"/> behind the header, the length word included.</summary>
    public byte[] Padding(uint delta, int bytes) => [.. Header(29, delta), .. U32((uint)bytes), .. new byte[bytes - 4]];

    /// <param name="lost">-1 = lost, number unknown.</param>
    public byte[] Page(ulong timestamp, long lost, params byte[][] records)
    {
        byte[] data = [.. records.SelectMany(r => r)];
        ulong commit = (ulong)(uint)data.Length | (lost != 0 ? 1UL << 31 : 0) | (lost > 0 ? 1UL << 30 : 0);
        byte[] stored = lost > 0 ? Number((ulong)lost, LongSize) : [];
        byte[] page = [.. U64(timestamp), .. Number(commit, LongSize), .. data, .. stored];
        if (page.Length > PageSize)
        {
            throw new InvalidOperationException($"{page.Length} bytes do not fit in a page of {PageSize}");
        }

        Array.Resize(ref page, PageSize);
        return page;
    }

    public byte[] Build() => Version >= 7 ? BuildSections() : BuildSequential();

    private byte[] Header(uint type, uint delta) => U32(BigEndian ? (type << 27) | delta : (delta << 5) | type);

    private byte[] HeaderInfo()
    {
        string page = $"\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:{LongSize};\tsigned:1;\n"
            + $"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:{8 + LongSize};\tsize:{PageSize - 8 - LongSize};\tsigned:1;\n";
        string events = "# compressed entry header\n\ttype_len    :    5 bits\n";
        return [.. Z("header_page"), .. U64((ulong)page.Length), .. Encoding.ASCII.GetBytes(page), .. Z("header_event"), .. U64((ulong)events.Length), .. Encoding.ASCII.GetBytes(events)];
    }

    private byte[] Text(string s) => [.. U64((ulong)Encoding.UTF8.GetByteCount(s)), .. Encoding.UTF8.GetBytes(s)];

    private byte[] FtraceEvents()
    {
        string[] own = [.. Formats.Where(f => f.System == "ftrace").Select(f => f.Format)];
        return [.. U32((uint)own.Length), .. own.SelectMany(Text)];
    }

    private byte[] EventFormats()
    {
        IGrouping<string, string>[] systems = [.. Formats.Where(f => f.System != "ftrace").GroupBy(f => f.System, f => f.Format)];
        return [.. U32((uint)systems.Length), .. systems.SelectMany(s => (byte[])[.. Z(s.Key), .. U32((uint)s.Count()), .. s.SelectMany(Text)])];
    }

    private MemoryStream Prefix()
    {
        MemoryStream f = new();
        f.Write([0x17, 0x08, 0x44, .. "tracing"u8, .. Z(Version == 6 ? "6" : "7"), (byte)(BigEndian ? 1 : 0), (byte)LongSize, .. U32((uint)PageSize)]);
        return f;
    }

    private byte[] BuildSections()
    {
        MemoryStream f = Prefix();
        f.Write([.. Z(Compression), .. Z("1.0")]);
        long optionsAt = f.Position;
        f.Write(U64(0));
        List<(ushort Id, byte[] Data)> options = [.. Options];
        foreach ((ushort id, byte[] body) in ((ushort, byte[])[])[(16, HeaderInfo()), (17, FtraceEvents()), (18, EventFormats()), (19, [.. U32((uint)Kallsyms.Length), .. Encoding.ASCII.GetBytes(Kallsyms)]), (21, Text(Cmdlines)), (24, [1, 2, 3])])
        {
            options.Add((id, U64((ulong)f.Position)));
            Section(f, id, body);
        }

        foreach ((string name, List<(int Cpu, List<byte[]> Pages)> cpus) in Buffers)
        {
            long section = f.Position;
            Boundaries.Add(section);
            f.Write([.. U16(3), .. U16(Compression == "none" ? 0 : 1), .. U32(0), .. U64(0)]);
            List<byte> areas = [];
            foreach ((int cpu, List<byte[]> pages) in cpus)
            {
                while (f.Position % PageSize != 0)
                {
                    f.WriteByte(0);
                }

                long at = f.Position;
                Boundaries.Add(at);
                long size = WritePages(f, pages);
                areas.AddRange([.. U32((uint)cpu), .. U64((ulong)at), .. U64((ulong)size)]);
            }

            options.Add((3, [.. U64((ulong)section), .. Z(name), .. Z("local"), .. U32((uint)PageSize), .. U32((uint)cpus.Count), .. areas]));
        }

        // Two option sections, as real files have.
        long first = f.Position;
        int half = options.Count / 2;
        OptionsSection(f, options[..half], 0);
        long second = f.Position;
        OptionsSection(f, options[half..], 0);
        byte[] file = f.ToArray();
        U64((ulong)first).CopyTo(file, (int)optionsAt);
        // The first section's DONE option holds the offset of the second.
        U64((ulong)second).CopyTo(file, (int)second - 8);
        Boundaries.AddRange([first, second]);
        return file;
    }

    private long WritePages(MemoryStream f, List<byte[]> pages)
    {
        long start = f.Position;
        if (Compression == "none")
        {
            pages.ForEach(p => f.Write(p));
            return f.Position - start;
        }

        byte[][] chunks = [.. pages.Chunk(3).Select(c => c.SelectMany(p => p).ToArray())];
        f.Write(U32((uint)chunks.Length));
        foreach (byte[] chunk in chunks)
        {
            byte[] packed = Compress(chunk);
            f.Write([.. U32((uint)packed.Length), .. U32((uint)chunk.Length), .. packed]);
        }

        // The recorded size does not count the number of chunks.
        return f.Position - start - 4;
    }

    private void OptionsSection(MemoryStream f, IEnumerable<(ushort Id, byte[] Data)> options, ulong next)
    {
        byte[] body = [.. options.SelectMany(o => (byte[])[.. U16(o.Id), .. U32((uint)o.Data.Length), .. o.Data]), .. U16(0), .. U32(8), .. U64(next)];
        f.Write([.. U16(0), .. U16(0), .. U32(0), .. U64((ulong)body.Length), .. body]);
    }

    private void Section(MemoryStream f, ushort id, byte[] body)
    {
        Boundaries.Add(f.Position);
        bool compress = Compression != "none";
        if (compress)
        {
            byte[] packed = Compress(body);
            body = [.. U32((uint)packed.Length), .. U32((uint)body.Length), .. packed];
        }

        f.Write([.. U16(id), .. U16(compress ? 1 : 0), .. U32(0), .. U64((ulong)body.Length), .. body]);
    }

    private byte[] Compress(byte[] data)
    {
        if (Compression == "zstd")
        {
            using ZstdSharp.Compressor z = new();
            return z.Wrap(data).ToArray();
        }

        MemoryStream m = new();
        using (ZLibStream z = new(m, CompressionMode.Compress))
        {
            z.Write(data);
        }

        return m.ToArray();
    }

    private byte[] BuildSequential()
    {
        MemoryStream f = Prefix();
        foreach (byte[] part in (byte[][])[HeaderInfo(), FtraceEvents(), EventFormats(), [.. U32((uint)Kallsyms.Length), .. Encoding.ASCII.GetBytes(Kallsyms)], U32(0), Text(Cmdlines)])
        {
            Boundaries.Add(f.Position);
            f.Write(part);
        }

        List<(int Cpu, List<byte[]> Pages)> top = Buffers.Single(b => b.Name.Length == 0).Cpus;
        (string Name, List<(int Cpu, List<byte[]> Pages)> Cpus)[] instances = [.. Buffers.Where(b => b.Name.Length > 0)];
        f.Write([.. U32((uint)top.Count), .. "options  \0"u8]);
        foreach ((ushort id, byte[] data) in Options)
        {
            f.Write([.. U16(id), .. U32((uint)data.Length), .. data]);
        }

        List<long> patches = [];
        foreach ((string name, _) in instances)
        {
            f.Write([.. U16(3), .. U32((uint)(8 + name.Length + 1))]);
            patches.Add(f.Position);
            f.Write([.. U64(0), .. Z(name)]);
        }

        f.Write(U16(0));
        List<(long At, byte[] Value)> fixes = [];
        Flyrecord(f, top, fixes);
        for (int i = 0; i < instances.Length; i++)
        {
            fixes.Add((patches[i], U64((ulong)f.Position)));
            Flyrecord(f, instances[i].Cpus, fixes);
        }

        byte[] file = f.ToArray();
        fixes.ForEach(x => x.Value.CopyTo(file, (int)x.At));
        return file;
    }

    private void Flyrecord(MemoryStream f, List<(int Cpu, List<byte[]> Pages)> cpus, List<(long At, byte[] Value)> fixes)
    {
        Boundaries.Add(f.Position);
        f.Write("flyrecord\0"u8);
        long table = f.Position;
        f.Write(new byte[16 * cpus.Count]);
        for (int i = 0; i < cpus.Count; i++)
        {
            while (f.Position % PageSize != 0)
            {
                f.WriteByte(0);
            }

            Boundaries.Add(f.Position);
            fixes.Add((table + (16 * i), U64((ulong)f.Position)));
            cpus[i].Pages.ForEach(p => f.Write(p));
            fixes.Add((table + (16 * i) + 8, U64((ulong)cpus[i].Pages.Sum(p => (long)p.Length))));
        }
    }
}
