using System.Numerics;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>DELTA_BINARY_PACKED: the steps from number to number, packed in blocks of 128.</summary>
internal sealed class DeltaEncoder
{
    private const int Block = 128;
    private const int Miniblocks = Block / BitPacking.Miniblock;

    private readonly long[] _steps = new long[Block + ColumnChunk.BlockRows];
    private readonly ulong[] _room = new ulong[BitPacking.Miniblock];
    private readonly ByteBuffer _blocks = new(1 << 14);
    private readonly bool _vectors;
    private bool _narrow;
    private long _first;
    private long _last;
    private int _count;
    private int _pending;

    public DeltaEncoder(bool vectors = true) => _vectors = vectors;

    /// <param name="narrow">The physical type has 32 bits.</param>
    public void Begin(bool narrow)
    {
        _narrow = narrow;
        _count = _pending = 0;
        _blocks.Clear();
    }

    /// <param name="values">At most <see cref="ColumnChunk.BlockRows"/>.</param>
    public void Add(ReadOnlySpan<long> values)
    {
        if (values.IsEmpty)
        {
            return;
        }

        if (_count == 0)
        {
            _first = _last = values[0];
            _count = 1;
            Add(values[1..]);
            return;
        }

        _steps[_pending] = values[0] - _last;
        Vectors.Steps(values, _steps.AsSpan(_pending + 1), _vectors);
        _last = values[^1];
        _count += values.Length;
        _pending += values.Length;
        int at = 0;
        for (; _pending - at >= Block; at += Block)
        {
            Write(_steps.AsSpan(at, Block), Block);
        }

        _steps.AsSpan(at, _pending - at).CopyTo(_steps);
        _pending -= at;
    }

    /// <summary>Ends the page: its values go to the output.</summary>
    public void End(ByteBuffer output)
    {
        if (_pending > 0)
        {
            // A miniblock is always whole: the last step again makes none of its numbers wider.
            _steps.AsSpan(_pending, Block - _pending).Fill(_steps[_pending - 1]);
            Write(_steps.AsSpan(0, Block), _pending);
        }

        output.WriteVarint(Block);
        output.WriteVarint(Miniblocks);
        output.WriteVarint((ulong)_count);
        output.WriteZigzag(_narrow ? (int)_first : _first);
        output.Write(_blocks.Written);
    }

    private void Write(Span<long> steps, int count)
    {
        (long min, long max) = Vectors.Range(steps, _vectors);
        if (_narrow && (min < int.MinValue || max - min > uint.MaxValue))
        {
            // The reader adds in 32 bits, so steps may wrap, and must where they would be wider.
            foreach (ref long step in steps)
            {
                step = (int)step;
            }

            (min, _) = Vectors.Range(steps, _vectors);
        }

        _blocks.WriteZigzag(min);
        int widths = _blocks.Length;
        _blocks.WriteInt32(0);
        for (int m = 0; m * BitPacking.Miniblock < count; m++)
        {
            ReadOnlySpan<long> mini = steps.Slice(m * BitPacking.Miniblock, BitPacking.Miniblock);
            int width = 64 - BitOperations.LeadingZeroCount(Vectors.Above(mini, min, _room, _vectors));
            if (width > 0)
            {
                BitPacking.Pack32(_room, width, _blocks.Reserve((4 * width) + 8), _vectors);
                _blocks.Advance(4 * width);
                _blocks.At(widths + m, 1)[0] = (byte)width;
            }
        }
    }
}
