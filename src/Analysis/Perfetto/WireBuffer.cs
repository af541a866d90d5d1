using System.Text;

namespace TraceReplay.Analysis.Perfetto;

/// <summary>Bytes of a protobuf message that is written field by field, and used again for the next one.</summary>
internal sealed class WireBuffer
{
    private const int LongestVarint = 10;

    private byte[] _bytes = new byte[256];

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>A number; a negative one as its 64 bits.</summary>
    public void Number(int field, ulong value)
    {
        Varint((uint)field << 3);
        Varint(value);
    }

    public void Text(int field, string text)
    {
        int length = Encoding.UTF8.GetByteCount(text);
        Head(field, length);
        Encoding.UTF8.GetBytes(text, Reserve(length));
        Length += length;
    }

    public void Message(int field, WireBuffer message)
    {
        Head(field, message.Length);
        message.Bytes.CopyTo(Reserve(message.Length));
        Length += message.Length;
    }

    /// <summary>What stands before the bytes of a text or message.</summary>
    public void Head(int field, int length)
    {
        Varint(((uint)field << 3) | 2);
        Varint((ulong)length);
    }

    private void Varint(ulong value)
    {
        Span<byte> to = Reserve(LongestVarint);
        int n = 0;
        for (; value >= 0x80; value >>= 7)
        {
            to[n++] = (byte)(value | 0x80);
        }

        to[n++] = (byte)value;
        Length += n;
    }

    private Span<byte> Reserve(int bytes)
    {
        if (_bytes.Length - Length < bytes)
        {
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, Length + bytes));
        }

        return _bytes.AsSpan(Length);
    }
}
