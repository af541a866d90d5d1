using System.Buffers.Binary;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>Bytes that are appended; cleared and filled again, so that writing allocates only while it grows.</summary>
internal sealed class ByteBuffer(int room)
{
    // One table of long texts must not hold its memory until the program ends.
    private const int MostKept = 4 << 20;

    private byte[] _bytes = new byte[room];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear()
    {
        Length = 0;
        if (_bytes.Length > MostKept)
        {
            _bytes = new byte[room];
        }
    }

    /// <summary>Room for that many bytes behind the end, which <see cref="Advance"/> makes part of it.</summary>
    public Span<byte> Reserve(int count)
    {
        if (_bytes.Length - Length < count)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + count));
        }

        return _bytes.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    /// <summary>What was appended, to be changed.</summary>
    public Span<byte> At(int offset, int count) => _bytes.AsSpan(offset, count);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        Length += bytes.Length;
    }

    public void WriteByte(byte value)
    {
        Reserve(1)[0] = value;
        Length++;
    }

    public void WriteInt32(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(Reserve(4), value);
        Length += 4;
    }

    public void WriteInt64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(Reserve(8), value);
        Length += 8;
    }

    /// <summary>ULEB128.</summary>
    public void WriteVarint(ulong value)
    {
        Span<byte> into = Reserve(10);
        int n = 0;
        while (value >= 0x80)
        {
            into[n++] = (byte)(value | 0x80);
            value >>= 7;
        }

        into[n++] = (byte)value;
        Length += n;
    }

    /// <summary>Small numbers of either sign in few bytes.</summary>
    public void WriteZigzag(long value) => WriteVarint((ulong)((value << 1) ^ (value >> 63)));
}
