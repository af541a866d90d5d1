using System.Globalization;
using TraceReplay.Ingest.Tests;

namespace TraceReplay.Fuzz.Inputs;

/// <summary>Files of trace-cmd's format, whole but for what they say: any formats, options, records and times.</summary>
internal static class CraftedTraceDat
{
    private static readonly string[] s_types =
    [
        "u8", "u16", "u32", "u64", "s64", "int", "unsigned long", "bool", "char", "void *", "struct page *", "__data_loc char[]", "__rel_loc char[]", "__data_loc u8[]",
        "char", "pid_t", "gfp_t", "enum x", "struct { int a; }", "unsigned char",
    ];

    public static byte[] Of(Random random)
    {
        TraceDatBuilder b = Builder(random);
        byte[] file = b.Build();
        if (random.Next(2) == 0 && file.Length > 0)
        {
            long[] places = [.. b.Boundaries];
            for (int n = random.Next(1, 5); n > 0; n--)
            {
                // What is behind a boundary is mostly a size, an id, a count or a place.
                int at = random.Next(3) == 0 || places.Length == 0 ? random.Next(file.Length) : (int)places[random.Next(places.Length)] + (2 * random.Next(0, 24));
                Numbers.Strike(file, at, random);
            }
        }

        return file;
    }

    /// <summary>A small file as a recorder would write it.</summary>
    public static byte[] Seed(int version, string compression, bool bigEndian = false, int longSize = 8)
    {
        TraceDatBuilder b = new() { Version = version, Compression = compression, BigEndian = bigEndian, LongSize = longSize };
        b.Formats.Add(("kvm", TraceDatBuilder.Format("kvm_page_fault", 301, "unsigned int vcpu_id;\toffset:8;\tsize:4;\tsigned:0;", "u64 fault_address;\toffset:16;\tsize:8;\tsigned:0;", "__data_loc char[] name;\toffset:24;\tsize:4;\tsigned:1;")));
        b.Formats.Add(("ftrace", TraceDatBuilder.Format("print", 5, "unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;", "char buf[];\toffset:16;\tsize:0;\tsigned:0;")));
        b.Options.Add((8, "uname\0"u8.ToArray()));
        byte[] page = b.Page(
            1000,
            2,
            b.Record(10, b.Payload(301, 42, b.U32(1), b.U32(0), b.U64(0xfee00000), b.U32((5 << 16) | 28), "name\0"u8.ToArray())),
            b.TimeExtend(1 << 28),
            b.Record(5, b.Payload(5, 43, b.U64(0xffffffff81000000), "text\n\0"u8.ToArray()), longForm: true));
        b.Buffers.Add(("", [(0, [page]), (1, [])]));
        if (version == 7)
        {
            b.Buffers.Add(("other", [(0, [b.Page(1500, 0, b.Record(1, b.Payload(301, 42, b.U32(2))))])]));
        }

        return b.Build();
    }

    private static TraceDatBuilder Builder(Random random)
    {
        TraceDatBuilder b = new()
        {
            Version = random.Next(3) == 0 ? 6 : 7,
            BigEndian = random.Next(6) == 0,
            LongSize = random.Next(4) == 0 ? 4 : 8,
            Compression = Numbers.Of(random, "none", "none", "zstd", "zlib"),
            PageSize = Numbers.Of(random, 4096, 4096, 4096, 8192, 65536),
            Kallsyms = random.Next(3) == 0 ? Symbols(random) : "ffffffff81000000 T _text\n",
            Cmdlines = Commands(random),
        };
        List<int> ids = [];
        for (int n = random.Next(1, 6); n > 0; n--)
        {
            int id = random.Next(8) == 0 && ids.Count > 0 ? ids[0] : random.Next(10) == 0 ? (int)Numbers.Edge(random) : random.Next(1, 600);
            ids.Add(id);
            b.Formats.Add((Numbers.Of(random, "kvm", "kvm", "ftrace", "kvmmmu", Name(random)), Format(random, id)));
        }

        for (int n = random.Next(4) == 0 ? random.Next(1, 5) : 0; n > 0; n--)
        {
            b.Options.Add(((ushort)(random.Next(8) == 0 ? random.Next(65536) : random.Next(1, 24)), Numbers.Bytes(random, 80)));
        }

        if (random.Next(5) == 0)
        {
            b.Options.Add((12, [.. b.U64(7), .. b.U32(1), .. b.U32(0), .. b.U32(2), .. Enumerable.Range(0, 6).SelectMany(_ => b.U64(Numbers.Edge(random)))]));
        }

        b.Buffers.Add(("", Cpus(b, ids, random)));
        for (int n = random.Next(3) == 0 ? random.Next(1, 3) : 0; n > 0; n--)
        {
            b.Buffers.Add((Name(random) + n.ToString(CultureInfo.InvariantCulture), Cpus(b, ids, random)));
        }

        return b;
    }

    private static List<(int, List<byte[]>)> Cpus(TraceDatBuilder b, List<int> ids, Random random)
    {
        List<(int, List<byte[]>)> cpus = [];
        for (int cpu = 0, n = random.Next(1, 4); cpu < n; cpu++)
        {
            List<byte[]> pages = [];
            ulong time = random.Next(5) == 0 ? Numbers.Edge(random) : (ulong)random.Next(1_000_000);
            for (int p = random.Next(4); p > 0; p--)
            {
                pages.Add(Page(b, ids, ref time, random));
            }

            cpus.Add((random.Next(20) == 0 ? (int)(Numbers.Edge(random) & 0x7fffffff) : cpu, pages));
        }

        return cpus;
    }

    private static byte[] Page(TraceDatBuilder b, List<int> ids, ref ulong time, Random random)
    {
        List<byte[]> records = [];
        int room = b.PageSize - 48;
        for (int n = random.Next(30); n > 0; n--)
        {
            uint delta = random.Next(6) == 0 ? (uint)Numbers.Edge(random) & 0x7ffffff : (uint)random.Next(1000);
            byte[] record = random.Next(12) switch
            {
                0 => b.TimeExtend(Numbers.Edge(random)),
                1 => b.TimeStamp(Numbers.Edge(random)),
                2 => b.Padding(delta, 4 + (4 * random.Next(10))),
                3 => Numbers.Bytes(random, 24),
                _ => b.Record(delta, b.Payload(random.Next(12) == 0 ? random.Next(65536) : ids[random.Next(ids.Count)], random.Next(-2, 70000), Numbers.Bytes(random, random.Next(8) == 0 ? 400 : 40)), random.Next(6) == 0),
            };
            if (record.Length > room)
            {
                break;
            }

            room -= record.Length;
            records.Add(record);
        }

        time += (ulong)random.Next(100_000);
        return b.Page(time, random.Next(6) switch { 0 => -1, 1 => random.Next(1, 1000), 2 when b.LongSize == 8 => (long)(Numbers.Edge(random) >> 1), _ => 0 }, [.. records]);
    }

    internal static string Format(Random random, int id)
    {
        List<string> fields = [];
        int at = 8;
        for (int n = random.Next(8); n > 0; n--)
        {
            string type = Numbers.Of<string>(random, s_types);
            int size = random.Next(10) == 0 ? (int)Numbers.Edge(random) : Numbers.Of(random, 1, 2, 4, 8, 8, 4, 0, 16);
            int offset = random.Next(10) == 0 ? (int)Numbers.Edge(random) : at;
            string array = random.Next(6) == 0 ? $"[{(random.Next(3) == 0 ? "" : Numbers.EdgeText(random))}]" : "";
            fields.Add(string.Create(CultureInfo.InvariantCulture, $"{type} {Name(random)}{array};\toffset:{offset};\tsize:{size};\tsigned:{random.Next(2)};"));
            at += Math.Clamp(size, 0, 4096);
        }

        string text = TraceDatBuilder.Format(random.Next(3) == 0 ? Name(random) : Numbers.Of(random, "kvm_page_fault", "kvm_exit", "kvm_entry", "print", "mark_mmio_spte"), id, [.. fields]);
        if (random.Next(6) == 0)
        {
            byte[] bytes = System.Text.Encoding.Latin1.GetBytes(text);
            text = System.Text.Encoding.Latin1.GetString(Blind.Of([bytes], random));
        }

        return text;
    }

    internal static string Name(Random random) => random.Next(10) switch
    {
        0 => new string('x', random.Next(1, 300)),
        1 => "\u001b[31m" + random.Next(9),
        2 => "../" + random.Next(9),
        3 => "é漢😀",
        4 => "__probe_func",
        5 => "__probe_ip",
        6 => "seq",
        7 => "",
        _ => "f" + random.Next(20).ToString(CultureInfo.InvariantCulture),
    };

    private static string Symbols(Random random) => string.Concat(Enumerable.Range(0, random.Next(40)).Select(i =>
        random.Next(8) == 0 ? "?? \n" : string.Create(CultureInfo.InvariantCulture, $"{Numbers.Edge(random):x16} {Numbers.Of(random, "T", "t", "b", "U")} {Name(random)}{(random.Next(3) == 0 ? "\t[kvm_amd]" : "")}\n")));

    private static string Commands(Random random) => string.Concat(Enumerable.Range(0, random.Next(6)).Select(i => $"{Numbers.EdgeText(random)} {Name(random)}\n"));
}
