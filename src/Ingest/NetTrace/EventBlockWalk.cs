using System.Buffers.Binary;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>Steps over the events of one block to see that each payload lies inside (spec/trace-formats section 8).</summary>
internal ref struct EventBlockWalk(ReadOnlySpan<byte> block, int version)
{
    private const int PlainHeaderV4 = 80;
    private const int PlainHeaderV6 = 52;

    private readonly ReadOnlySpan<byte> _block = block;

    /// <summary>Where in the block the walk stands.</summary>
    public int Position { get; private set; }

    public long LargePayloads { get; private set; }

    /// <returns>null if the block is sound.</returns>
    public string? FindFault(int largestPayload)
    {
        if (_block.Length < 20 || BinaryPrimitives.ReadUInt16LittleEndian(_block) is var header && (header < 20 || header > _block.Length))
        {
            return "no header of an event block";
        }

        bool compressed = (_block[2] & 1) != 0;
        Position = header;
        uint payload = 0;
        while (Position < _block.Length)
        {
            int start = Position;
            if (compressed ? !SkipCompressedHeader(ref payload) : !SkipPlainHeader(ref payload))
            {
                Position = start;
                return "an event header that its block cuts off";
            }

            if (payload > (uint)(_block.Length - Position))
            {
                int left = _block.Length - Position;
                Position = start;
                return $"an event of {payload} bytes where {left} follow";
            }

            LargePayloads += payload > largestPayload ? 1 : 0;
            Position += (int)payload;
        }

        return Position > header ? null : "an event block without events";
    }

    private bool SkipPlainHeader(ref uint payload)
    {
        int size = version >= 6 ? PlainHeaderV6 : PlainHeaderV4;
        if (_block.Length - Position < size)
        {
            return false;
        }

        Position += size;
        payload = BinaryPrimitives.ReadUInt32LittleEndian(_block[(Position - 4)..]);
        return true;
    }

    private bool SkipCompressedHeader(ref uint payload)
    {
        int flags = _block[Position++];
        bool sound = (flags & 1) == 0 || SkipNumbers(1);
        sound = sound && ((flags & 2) == 0 || SkipNumbers(3));
        sound = sound && ((flags & 4) == 0 || SkipNumbers(1));
        sound = sound && ((flags & 8) == 0 || SkipNumbers(1));
        sound = sound && SkipNumbers(1);
        if (version >= 6)
        {
            sound = sound && ((flags & 16) == 0 || SkipNumbers(1));
        }
        else
        {
            // Two GUIDs: activity and related activity.
            sound = sound && ((flags & 16) == 0 || SkipBytes(16));
            sound = sound && ((flags & 32) == 0 || SkipBytes(16));
        }

        return sound && ((flags & 128) == 0 || TryNumber(out payload));
    }

    private bool SkipBytes(int count)
    {
        Position += count;
        return Position <= _block.Length;
    }

    private bool SkipNumbers(int count)
    {
        for (; count > 0; count--)
        {
            if (!TryNumber(out _))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Seven bits in each byte, the lowest first.</summary>
    private bool TryNumber(out uint value)
    {
        ulong bits = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            if (Position >= _block.Length)
            {
                break;
            }

            byte b = _block[Position++];
            bits |= shift < 64 ? (ulong)(b & 0x7f) << shift : 0;
            if (b < 0x80)
            {
                value = bits > uint.MaxValue ? uint.MaxValue : (uint)bits;
                return true;
            }
        }

        value = 0;
        return false;
    }
}
