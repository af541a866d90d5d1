using System.Buffers.Binary;
using System.Text;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Metadata straight from the file: v6, and sections that are not compressed.</summary>
internal sealed class FileMetadataReader(CaptureFile file, long offset, bool bigEndian) : IMetadataReader
{
    // No metadata of a kernel comes near; a size beyond it is damage, and must not be allocated.
    internal const long MaxSize = 512 << 20;

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

    public byte[] Bytes(ulong count, string what)
    {
        if (count > MaxSize || (long)count > file.Length - FileOffset)
        {
            throw Damaged($"a size of {count} with {Math.Max(0, file.Length - FileOffset)} bytes left in the file", "expected " + what);
        }

        byte[] bytes = new byte[count];
        Take(bytes, what);
        return bytes;
    }

    public CaptureException Damaged(string found, string expected) => file.Damaged(FileOffset, found, expected);

    private void Take(Span<byte> into, string what)
    {
        file.ReadExactly(FileOffset, into, what);
        FileOffset += into.Length;
    }
}

/// <summary>Metadata from a section that was decompressed whole. Positions in messages are those of the section.</summary>
internal sealed class MemoryMetadataReader(CaptureFile file, long sectionOffset, byte[] data, bool bigEndian) : IMetadataReader
{
    private int _position;

    public long FileOffset => sectionOffset;

    public uint U32(string what) => bigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(Take(4, what))
        : BinaryPrimitives.ReadUInt32LittleEndian(Take(4, what));

    public ulong U64(string what) => bigEndian
        ? BinaryPrimitives.ReadUInt64BigEndian(Take(8, what))
        : BinaryPrimitives.ReadUInt64LittleEndian(Take(8, what));

    public string CString(string what)
    {
        int end = data.AsSpan(_position).IndexOf((byte)0);
        if (end < 0)
        {
            throw Damaged($"a text without end at byte {_position} of the section", "expected " + what);
        }

        string text = Encoding.UTF8.GetString(data, _position, end);
        _position += end + 1;
        return text;
    }

    public byte[] Bytes(ulong count, string what) => Take(count, what).ToArray();

    public CaptureException Damaged(string found, string expected) => file.Damaged(sectionOffset, found, expected);

    private ReadOnlySpan<byte> Take(ulong count, string what)
    {
        if (count > (ulong)(data.Length - _position))
        {
            throw Damaged($"a size of {count} with {data.Length - _position} bytes left in the section", "expected " + what);
        }

        ReadOnlySpan<byte> bytes = data.AsSpan(_position, (int)count);
        _position += (int)count;
        return bytes;
    }
}
