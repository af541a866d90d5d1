using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>
/// A column chunk of numbers. They come in blocks as 64-bit values (sign- or zero-extended, the bits of a float), so that one
/// encoder serves all widths. The first block decides how all are encoded.
/// </summary>
internal sealed class NumberChunk : ColumnChunk
{
    private readonly long[] _block = new long[BlockRows];
    private readonly ushort[] _indexes = new ushort[PageRows + BlockRows];
    private readonly NumberDictionary _dictionary = new();
    private readonly DeltaEncoder _delta = new();
    private readonly DeltaEncoder _trial = new();
    private readonly ByteBuffer _trialOutput = new(1 << 14);
    private readonly ByteBuffer _dictionaryPage = new(8 * NumberDictionary.Most);
    private PageEncoding? _encoding;
    private int _indexed;
    private bool _any;
    private bool _unordered;
    private long _min;
    private long _max;
    private double _least;
    private double _most;

    /// <summary>Where the caller puts the values of the rows that it adds next.</summary>
    public Span<long> Block => _block;

    private bool Narrow => Column.Physical == PhysicalType.Int32;

    /// <summary>A number as a chunk takes it: sign- or zero-extended; of a float its bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Widen<T>(T value)
        where T : unmanaged
    {
        // Comparisons of types vanish when the method is compiled for one T.
        if (typeof(T) == typeof(sbyte))
        {
            return Unsafe.BitCast<T, sbyte>(value);
        }

        if (typeof(T) == typeof(short))
        {
            return Unsafe.BitCast<T, short>(value);
        }

        if (typeof(T) == typeof(int))
        {
            return Unsafe.BitCast<T, int>(value);
        }

        return Unsafe.SizeOf<T>() switch
        {
            1 => Unsafe.BitCast<T, byte>(value),
            2 => Unsafe.BitCast<T, ushort>(value),
            4 => Unsafe.BitCast<T, uint>(value),
            _ => Unsafe.BitCast<T, long>(value),
        };
    }

    // One bit for a single value, as not every reader takes none.
    private int IndexWidth => Math.Max(1, 32 - int.LeadingZeroCount(_dictionary.Count - 1));

    public new void Begin(ParquetColumn column, int rows)
    {
        base.Begin(column, rows);
        _encoding = column.Physical == PhysicalType.Boolean ? PageEncoding.Plain : null;
        _dictionary.Clear();
        _delta.Begin(Narrow);
        _indexed = 0;
        _any = _unordered = false;
    }

    /// <summary>Adds rows whose values are in <see cref="Block"/>; of a nullable column <see cref="ColumnChunk.Present"/> says which have one.</summary>
    /// <param name="rows">At most <see cref="ColumnChunk.BlockRows"/>.</param>
    public void Add(int rows, int values)
    {
        if (values > 0)
        {
            AddValues(_block.AsSpan(0, values), rows);
        }

        Count(rows, values);
        if (RowsInPage >= PageRows)
        {
            EndPage();
        }
    }

    private void AddValues(ReadOnlySpan<long> values, int rows)
    {
        _encoding ??= Choose(values);
        bool constant = Measure(values, out long min, out long max);
        if (_encoding == PageEncoding.RleDictionary)
        {
            Span<ushort> indexes = _indexes.AsSpan(_indexed, values.Length);
            if (!_dictionary.TryIndex(constant ? values[..1] : values, indexes))
            {
                EndPageBefore(rows);
                _encoding = PlainOrDelta(values, out _);
            }
            else
            {
                if (constant)
                {
                    indexes.Fill(indexes[0]);
                }

                _indexed += values.Length;
            }
        }

        Extend(values, min, max);
        switch (_encoding)
        {
            case PageEncoding.DeltaBinaryPacked:
                _delta.Add(values);
                break;
            case PageEncoding.Plain:
                AddPlain(values);
                break;
            default:
                break;
        }
    }

    protected override PageEncoding Encode()
    {
        switch (_encoding)
        {
            case PageEncoding.RleDictionary:
                Values.WriteByte((byte)IndexWidth);
                RunLength.Encode(_indexes.AsSpan(0, _indexed), IndexWidth, Values);
                break;
            case PageEncoding.DeltaBinaryPacked:
                _delta.End(Values);
                break;
            default:
                if (Column.Physical == PhysicalType.Boolean)
                {
                    RunLength.PackGroups(_indexes.AsSpan(0, _indexed), 1, Values);
                }

                break;
        }

        return _encoding!.Value;
    }

    protected override void EndPage()
    {
        base.EndPage();
        _delta.Begin(Narrow);
        _indexed = 0;
        _any = _unordered = false;
    }

    protected override bool TryBounds(ByteBuffer output, out int minLength)
    {
        minLength = Column.Physical == PhysicalType.Boolean ? 1 : Column.Width;
        if (_unordered)
        {
            return false;
        }

        if (Column.IsFloat)
        {
            // The format's rule: a reader need not know on which side of 0 it is.
            WriteBound(output, Bits(_least == 0 ? -0.0 : _least));
            WriteBound(output, Bits(_most == 0 ? 0.0 : _most));
            return true;
        }

        WriteBound(output, _min);
        WriteBound(output, _max);
        return true;
    }

    protected override int DictionaryPage(out ReadOnlySpan<byte> values)
    {
        _dictionaryPage.Clear();
        foreach (long number in _dictionary.Numbers)
        {
            WriteBound(_dictionaryPage, number);
        }

        values = _dictionaryPage.Written;
        return _dictionary.Count;
    }

    /// <summary>By what the first block takes in each encoding.</summary>
    private PageEncoding Choose(ReadOnlySpan<long> values)
    {
        PageEncoding other = PlainOrDelta(values, out int size);
        if (_dictionary.TryIndex(values, _indexes))
        {
            _trialOutput.Clear();
            RunLength.Encode(_indexes.AsSpan(0, values.Length), IndexWidth, _trialOutput);
            long share = (long)_dictionary.Count * Column.Width * values.Length / Math.Max(ChunkRows, values.Length);
            if (_trialOutput.Length + share <= size)
            {
                return PageEncoding.RleDictionary;
            }

            _dictionary.Clear();
        }

        return other;
    }

    private PageEncoding PlainOrDelta(ReadOnlySpan<long> values, out int size)
    {
        size = values.Length * Column.Width;

        // Floats have no steps, and Parquet.Net cannot read those of bytes.
        if (Column.Bits <= 8)
        {
            return PageEncoding.Plain;
        }

        _trial.Begin(Narrow);
        _trial.Add(values);
        _trialOutput.Clear();
        _trial.End(_trialOutput);

        // Plain values are read faster: an eighth less is not worth it.
        if (_trialOutput.Length >= size - (size / 8))
        {
            return PageEncoding.Plain;
        }

        size = _trialOutput.Length;
        return PageEncoding.DeltaBinaryPacked;
    }

    private void AddPlain(ReadOnlySpan<long> values)
    {
        switch (Column.Width)
        {
            case 4:
                Vectors.Narrow(values, MemoryMarshal.Cast<byte, int>(Values.Reserve(4 * values.Length)));
                Values.Advance(4 * values.Length);
                break;
            case 8:
                Values.Write(MemoryMarshal.AsBytes(values));
                break;
            default:
                foreach (long value in values)
                {
                    _indexes[_indexed++] = (ushort)value;
                }

                break;
        }
    }

    /// <summary>Smallest and largest of the block in the column's order; of floats, in that of their bits.</summary>
    /// <returns>Whether all are the same.</returns>
    private bool Measure(ReadOnlySpan<long> values, out long min, out long max)
    {
        if (Column.Bits == 64 && !Column.Signed)
        {
            (ulong low, ulong high) = Vectors.Range(MemoryMarshal.Cast<long, ulong>(values));
            (min, max) = ((long)low, (long)high);
        }
        else
        {
            (min, max) = Vectors.Range(values);
        }

        return min == max;
    }

    private void Extend(ReadOnlySpan<long> values, long min, long max)
    {
        if (Column.IsFloat)
        {
            ExtendFloats(values);
        }
        else if (!_any)
        {
            (_min, _max) = (min, max);
        }
        else if (Column.Bits == 64 && !Column.Signed)
        {
            (_min, _max) = ((long)Math.Min((ulong)_min, (ulong)min), (long)Math.Max((ulong)_max, (ulong)max));
        }
        else
        {
            (_min, _max) = (Math.Min(_min, min), Math.Max(_max, max));
        }

        _any = true;
    }

    private void ExtendFloats(ReadOnlySpan<long> values)
    {
        foreach (long bits in values)
        {
            double value = Column.Width == 4 ? BitConverter.Int32BitsToSingle((int)bits) : BitConverter.Int64BitsToDouble(bits);
            _unordered |= double.IsNaN(value);
            _least = _any ? Math.Min(_least, value) : value;
            _most = _any ? Math.Max(_most, value) : value;
            _any = true;
        }
    }

    private long Bits(double value) => Column.Width == 4 ? BitConverter.SingleToInt32Bits((float)value) : BitConverter.DoubleToInt64Bits(value);

    private void WriteBound(ByteBuffer output, long value)
    {
        switch (Column.Width)
        {
            case 4:
                output.WriteInt32((int)value);
                break;
            case 8:
                output.WriteInt64(value);
                break;
            default:
                output.WriteByte((byte)value);
                break;
        }
    }
}
