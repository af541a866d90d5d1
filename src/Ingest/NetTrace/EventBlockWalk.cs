using System.Buffers.Binary;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>Steps over the events of one block to see that each payload lies inside (spec/trace-formats section 8).</summary>
internal ref struct EventBlockWalk(ReadOnlySpan<byte> block, int version)
{
    private const int PlainHeaderV4 = 80;
    private const int PlainHeaderV6 = 52;

    private readonly ReadOnlySpan<byte> _block = block;

    private int _next;
    private uint _payloadSize;
    private bool _compressed;

    /// <summary>Where in the block the current event begins.</summary>
    public int Position { get; private set; }

    /// <summary>Why the walk ended early; null if the block is sound.</summary>
    public string? Fault { get; private set; }

    public ReadOnlySpan<byte> Payload { get; private set; }

    public bool MoveNext()
    {
        if (_next == 0 && !Begin())
        {
            Fault = "no header of an event block";
            return false;
        }

        Position = _next;
        if (_next >= _block.Length)
        {
            return false;
        }

        if (_compressed ? !SkipCompressedHeader() : !SkipPlainHeader())
        {
            Fault = "an event header that its block cuts off";
            return false;
        }

        if (_payloadSize > (uint)(_block.Length - _next))
        {
            Fault = $"an event of {_payloadSize} bytes where {_block.Length - _next} follow";
            return false;
        }

        Payload = _block.Slice(_next, (int)_payloadSize);
        _next += (int)_payloadSize;
        return true;
    }

    private bool Begin()
    {
        if (_block.Length < 20 || BinaryPrimitives.ReadUInt16LittleEndian(_block) is var header && (header < 20 || header >= _block.Length))
        {
            return false;
        }

        _compressed = (_block[2] & 1) != 0;
        _next = header;
        return true;
    }

    private bool SkipPlainHeader()
    {
        int size = version >= 6 ? PlainHeaderV6 : PlainHeaderV4;
        if (_block.Length - _next < size)
        {
            return false;
        }

        _next += size;
        _payloadSize = BinaryPrimitives.ReadUInt32LittleEndian(_block[(_next - 4)..]);
        return true;
    }

    private bool SkipCompressedHeader()
    {
        int flags = _block[_next++];
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

        return sound && ((flags & 128) == 0 || TryNumber(out _payloadSize));
    }

    private bool SkipBytes(int count)
    {
        _next += count;
        return _next <= _block.Length;
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
            if (_next >= _block.Length)
            {
                break;
            }

            byte b = _block[_next++];
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
