using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>DELTA_BINARY_PACKED in the blocks that <see cref="DeltaEncoder"/> makes, as far as it is asked for.</summary>
internal struct DeltaDecoder
{
    private const int Miniblocks = 4;
    private const int Block = Miniblocks * BitPacking.Miniblock;

    private readonly byte[] _bytes;
    private readonly int _end;
    private int _at;
    private int _left;
    private bool _begun;
    private long _last;

    // Of the block under way, and of its miniblock.
    private long _least;
    private uint _widths;
    private int _mini;
    private int _start;
    private int _width;
    private int _index;

    private DeltaDecoder(byte[] bytes, int start, int end) => (_bytes, _at, _end) = (bytes, start, end);

    /// <param name="bytes">Has <see cref="PackedBits.Slack"/> behind <paramref name="end"/>.</param>
    /// <returns>false if the numbers are in other blocks.</returns>
    public static bool TryBegin(byte[] bytes, int start, int end, out DeltaDecoder decoder)
    {
        decoder = new DeltaDecoder(bytes, start, end) { _mini = Miniblocks, _index = BitPacking.Miniblock };
        if (!decoder.TryVarint(out ulong block) || block != Block || !decoder.TryVarint(out ulong miniblocks) || miniblocks != Miniblocks
            || !decoder.TryVarint(out ulong count) || count > int.MaxValue || !decoder.TryVarint(out ulong first))
        {
            return false;
        }

        (decoder._left, decoder._last) = ((int)count, Signed(first));
        return true;
    }

    /// <returns>false if there are fewer.</returns>
    public bool TryRead(Span<long> into)
    {
        if (into.Length > _left)
        {
            return false;
        }

        _left -= into.Length;
        if (!_begun && !into.IsEmpty)
        {
            _begun = true;
            into[0] = _last;
            into = into[1..];
        }

        while (!into.IsEmpty)
        {
            if (_index == BitPacking.Miniblock && !TryMiniblock())
            {
                return false;
            }

            Span<long> now = into[..Math.Min(BitPacking.Miniblock - _index, into.Length)];
            _last = PackedBits.Accumulate(_bytes.AsSpan(_start, (4 * _width) + PackedBits.Slack), _index, _width, _least, _last, now);
            _index += now.Length;
            into = into[now.Length..];
        }

        return true;
    }

    private bool TryMiniblock()
    {
        if (_mini == Miniblocks)
        {
            if (!TryVarint(out ulong least) || _end - _at < Miniblocks)
            {
                return false;
            }

            _least = Signed(least);
            _widths = BitConverter.ToUInt32(_bytes, _at);
            _at += Miniblocks;
            _mini = 0;
        }

        _width = (byte)(_widths >> (8 * _mini));
        if (_width > 64 || _end - _at < 4 * _width)
        {
            return false;
        }

        _start = _at;
        _at += 4 * _width;
        _mini++;
        _index = 0;
        return true;
    }

    private bool TryVarint(out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && _at < _end; shift += 7)
        {
            byte next = _bytes[_at++];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    private static long Signed(ulong zigzag) => (long)(zigzag >> 1) ^ -(long)(zigzag & 1);
}
