using System.Buffers.Binary;
using System.Text;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Metadata straight from the file: v6, and sections that are not compressed.</summary>
internal sealed class FileMetadataReader(CaptureFile file, long offset, bool bigEndian) : IMetadataReader
{
    public long FileOffset { get; private set; } = offset;

    public uint U32(string what)
    {
        Span<byte> b = stackalloc byte[4];
        Take(b, what);
        return bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(b) : BinaryPrimitives.ReadUInt32LittleEndian(b);
    }

    public ulong U64(string what)
    {
        Span<byte> b = stackalloc byte[8];
        Take(b, what);
        return bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(b) : BinaryPrimitives.ReadUInt64LittleEndian(b);
    }

    public string CString(string what)
    {
        Span<byte> b = stackalloc byte[256];
        int n = FileOffset < file.Length ? file.Read(FileOffset, b) : 0;
        int end = b[..n].IndexOf((byte)0);
        if (end < 0)
        {
            throw Damaged(n < b.Length ? $"the file ends at 0x{file.Length:x}" : "a text without end", "expected " + what);
        }

        FileOffset += end + 1;
        return Encoding.UTF8.GetString(b[..end]);
    }

    public byte[] Bytes(ulong count, int most, string what)
    {
        if (count > long.MaxValue || (long)count > file.Length - FileOffset)
        {
            throw Damaged($"a size of {count} with {Math.Max(0, file.Length - FileOffset)} bytes left in the file", "expected " + what);
        }

        byte[] bytes = new byte[Math.Min(count, (ulong)most)];
        Take(bytes, what);
        FileOffset += (long)count - bytes.Length;
        return bytes;
    }

    public CaptureException Damaged(string found, string expected) => file.Damaged(FileOffset, found, expected);

    private void Take(Span<byte> into, string what)
    {
        file.ReadExactly(FileOffset, into, what);
        FileOffset += into.Length;
    }
}

/// <summary>
/// Metadata from a compressed section, unpacked as it is read: what nobody needs is never in memory, whatever size the section claims.
/// Positions in messages are those of the section.
/// </summary>
/// <param name="plain">The section's bytes.</param>
/// <param name="size">How many the section says there are.</param>
/// <param name="packed">What is wrong if <paramref name="plain"/> cannot be read, or ends early.</param>
internal sealed class StreamMetadataReader(CaptureFile file, long sectionOffset, Stream plain, ulong size, bool bigEndian, CaptureDamage packed) : IMetadataReader, IDisposable
{
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _at;
    private int _have;
    private ulong _read;

    public long FileOffset => sectionOffset;

    public uint U32(string what)
    {
        Span<byte> b = stackalloc byte[4];
        Take(b, what);
        return bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(b) : BinaryPrimitives.ReadUInt32LittleEndian(b);
    }

    public ulong U64(string what)
    {
        Span<byte> b = stackalloc byte[8];
        Take(b, what);
        return bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(b) : BinaryPrimitives.ReadUInt64LittleEndian(b);
    }

    public string CString(string what)
    {
        List<byte> text = [];
        Span<byte> one = stackalloc byte[1];
        while (text.Count <= MetadataLimits.Name)
        {
            if (_read == size)
            {
                throw Damaged($"a text without end at byte {_read - (ulong)text.Count} of the section", "expected " + what);
            }

            Take(one, what);
            if (one[0] == 0)
            {
                return Encoding.UTF8.GetString([.. text]);
            }

            text.Add(one[0]);
        }

        throw Damaged($"a text of more than {MetadataLimits.Name} bytes at byte {_read - (ulong)text.Count} of the section", "expected " + what);
    }

    public byte[] Bytes(ulong count, int most, string what)
    {
        Require(count, what);
        byte[] bytes = new byte[Math.Min(count, (ulong)most)];
        Take(bytes, what);
        for (ulong rest = count - (ulong)bytes.Length; rest > 0;)
        {
            Fill();
            int step = (int)Math.Min(rest, (ulong)(_have - _at));
            (_at, _read, rest) = (_at + step, _read + (ulong)step, rest - (ulong)step);
        }

        return bytes;
    }

    public CaptureException Damaged(string found, string expected) => file.Damaged(sectionOffset, found, expected);

    public void Dispose() => plain.Dispose();

    private void Require(ulong count, string what)
    {
        if (count > size - _read)
        {
            throw Damaged($"a size of {count} with {size - _read} bytes left in the section", "expected " + what);
        }
    }

    private void Take(Span<byte> into, string what)
    {
        Require((ulong)into.Length, what);
        _read += (ulong)into.Length;
        while (!into.IsEmpty)
        {
            Fill();
            int step = Math.Min(into.Length, _have - _at);
            _buffer.AsSpan(_at, step).CopyTo(into);
            _at += step;
            into = into[step..];
        }
    }

    private void Fill()
    {
        if (_at < _have)
        {
            return;
        }

        try
        {
            (_at, _have) = (0, plain.Read(_buffer));
        }
        catch (Exception e) when (Compression.IsDamage(e))
        {
            throw new CaptureException(packed, e);
        }

        if (_have == 0)
        {
            throw new CaptureException(packed);
        }
    }
}

/// <summary>Sizes beyond which metadata are no kernel's: more is not held in memory, whatever a file claims.</summary>
internal static class MetadataLimits
{
    /// <summary>A page's or an event's description; the longest of a kernel has some 10 KiB.</summary>
    public const int Format = 1 << 20;

    /// <summary>Descriptions that are kept as they are, for the tables' footers; those of a kernel have 3 MiB.</summary>
    public const int FormatsKept = 16 << 20;

    /// <summary>kallsyms of a distribution's kernel have 10 MiB.</summary>
    public const int Symbols = 32 << 20;

    /// <summary>saved_cmdlines, and texts that are passed over.</summary>
    public const int Texts = 16 << 20;

    /// <summary>Options, of which only guests' clock samples and CPU statistics are long.</summary>
    public const int Options = 64 << 20;

    public const int Name = 4096;

    /// <summary>Formats of a file: ids have 16 bits, so more than these are never of use.</summary>
    public const int Formats = 1 << 20;

    /// <summary>What a section may unpack to.</summary>
    public const ulong Section = 512 << 20;
}
