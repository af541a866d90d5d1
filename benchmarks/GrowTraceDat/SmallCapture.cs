using System.Buffers.Binary;
using ZstdSharp;

namespace TraceReplay.GrowTraceDat;

/// <summary>A little-endian trace.dat of version 7 with one buffer, in memory (spec/trace-formats 1.2 and 2).</summary>
internal sealed class SmallCapture
{
    private const int IdBuffer = 3;
    private const int IdStrings = 15;
    private const int SectionHeader = 16;

    private readonly byte[] _file;
    private readonly int _next;
    private readonly List<(int Id, byte[] Data)> _options = [];
    private readonly List<CpuPages> _cpus = [];
    private int _pageSize;
    private int _tail;

    private SmallCapture(byte[] file)
    {
        _file = file;
        if (!file.AsSpan().StartsWith("\x17\x08\x44tracing7\0"u8) || file[12] != 0)
        {
            throw new InvalidDataException("expected a little-endian trace.dat of version 7");
        }

        // Byte order, long, page size, then the name and the version of the compression.
        int at = 12 + 2 + sizeof(uint);
        at += file.AsSpan(at).IndexOf((byte)0) + 1;
        _next = at + file.AsSpan(at).IndexOf((byte)0) + 1;
    }

    /// <summary>What one copy of the pages takes.</summary>
    public long PageBytes => _cpus.Sum(c => (long)c.Pages.Length);

    public static SmallCapture Read(string path)
    {
        SmallCapture small = new(File.ReadAllBytes(path));
        small.ReadOptions();
        small.ReadPages();
        return small;
    }

    public void Write(string path, int copies)
    {
        long step = _cpus.Max(c => c.Last) - _cpus.Min(c => c.First) + 1000;
        using FileStream output = File.Create(path);
        output.Write(_file, 0, _next + sizeof(long));
        MemoryStream options = new();
        foreach ((int id, byte[] data) in _options)
        {
            if (id == IdBuffer)
            {
                WriteBuffer(output, data, copies, step);
            }
            else if (NamesSection(id))
            {
                int from = (int)I64(data, 0);
                BinaryPrimitives.WriteInt64LittleEndian(data, output.Position);
                output.Write(_file, from, SectionHeader + (int)I64(_file, from + 8));
            }

            Option(options, id, data);
        }

        // The last option says where options go on: nowhere.
        Option(options, 0, new byte[sizeof(long)]);
        long place = output.Position;
        Section(output, 0, options.Length);
        options.WriteTo(output);
        output.Write(_file, _tail, _file.Length - _tail);
        output.Position = _next;
        output.Write(Bytes(place));
    }

    // The ids of options that hold nothing but the place of a section.
    private static bool NamesSection(int id) => id is (>= 16 and <= 21) or 23 or 25;

    private void ReadOptions()
    {
        for (long next = I64(_file, _next); next != 0;)
        {
            int section = (int)next;
            byte[] body = Body(section);
            _tail = section + SectionHeader + (int)I64(_file, section + 8);
            next = 0;
            for (int at = 0; at < body.Length;)
            {
                int id = BinaryPrimitives.ReadUInt16LittleEndian(body.AsSpan(at));
                int size = (int)U32(body, at + 2);
                byte[] data = body[(at + 6)..(at + 6 + size)];
                at += 6 + size;
                if (id == 0)
                {
                    next = I64(data, 0);
                    break;
                }

                _options.Add((id, data));
            }
        }

        if (_options.Count(o => o.Id == IdBuffer) != 1 || (_tail < _file.Length && BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(_tail)) != IdStrings))
        {
            throw new InvalidDataException("expected one buffer, and the strings behind the options");
        }
    }

    private void ReadPages()
    {
        byte[] option = _options.Single(o => o.Id == IdBuffer).Data;
        bool packed = (BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan((int)I64(option, 0) + 2)) & 1) != 0;
        foreach (int entry in CpuEntries(option))
        {
            int from = (int)I64(option, entry + 4);
            int size = (int)I64(option, entry + 12);
            byte[] pages = size == 0 ? [] : packed ? Chunks(from) : _file[from..(from + size)];
            _cpus.Add(new CpuPages(pages, _pageSize));
        }
    }

    /// <summary>Where each CPU's number, place and size stand in the option of the buffer.</summary>
    private List<int> CpuEntries(byte[] option)
    {
        int at = sizeof(long);
        at += option.AsSpan(at).IndexOf((byte)0) + 1;
        at += option.AsSpan(at).IndexOf((byte)0) + 1;
        _pageSize = (int)U32(option, at);
        int count = (int)U32(option, at + 4);
        return [.. Enumerable.Range(0, count).Select(i => at + 8 + (20 * i))];
    }

    private void WriteBuffer(FileStream output, byte[] option, int copies, long step)
    {
        BinaryPrimitives.WriteInt64LittleEndian(option, output.Position);
        long begin = (output.Position + SectionHeader + _pageSize - 1) / _pageSize * _pageSize;
        Section(output, IdBuffer, begin - output.Position - SectionHeader + (PageBytes * copies));
        output.Write(new byte[begin - output.Position]);
        foreach ((CpuPages cpu, int entry) in _cpus.Zip(CpuEntries(option)))
        {
            BinaryPrimitives.WriteInt64LittleEndian(option.AsSpan(entry + 4), output.Position);
            BinaryPrimitives.WriteInt64LittleEndian(option.AsSpan(entry + 12), (long)cpu.Pages.Length * copies);
            for (int copy = 0; copy < copies; copy++)
            {
                output.Write(cpu.Pages);
                cpu.Shift(step);
            }
        }
    }

    private byte[] Body(int section)
    {
        int size = (int)I64(_file, section + 8);
        bool packed = (BinaryPrimitives.ReadUInt16LittleEndian(_file.AsSpan(section + 2)) & 1) != 0;
        return packed ? Unpack(section + SectionHeader, out _) : _file[(section + SectionHeader)..(section + SectionHeader + size)];
    }

    private byte[] Chunks(int at)
    {
        using MemoryStream pages = new();
        uint count = U32(_file, at);
        at += sizeof(uint);
        for (uint i = 0; i < count; i++)
        {
            pages.Write(Unpack(at, out int length));
            at += length;
        }

        return pages.ToArray();
    }

    /// <summary>A packed block: its two sizes, then its bytes.</summary>
    private byte[] Unpack(int at, out int length)
    {
        int packed = (int)U32(_file, at);
        byte[] plain = new byte[U32(_file, at + 4)];
        length = 8 + packed;
        using Decompressor zstd = new();
        try
        {
            return zstd.TryUnwrap(_file.AsSpan(at + 8, packed), plain, out int written) && written == plain.Length ? plain : throw new InvalidDataException("a block of another size");
        }
        catch (ZstdException e)
        {
            throw new InvalidDataException("expected blocks of zstd", e);
        }
    }

    private static void Section(Stream output, int id, long size)
    {
        // Id, no flags, no name.
        output.Write(Bytes(id));
        output.Write(Bytes(size));
    }

    private static void Option(MemoryStream options, int id, byte[] data)
    {
        options.Write(BitConverter.GetBytes((ushort)id));
        options.Write(BitConverter.GetBytes(data.Length));
        options.Write(data);
    }

    private static byte[] Bytes(long value) => BitConverter.GetBytes(value);

    private static long I64(byte[] bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(at));

    private static uint U32(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));
}
