using System.Runtime.CompilerServices;
using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset;

/// <summary>The rows of one column that are not written yet.</summary>
public abstract class Column(string name, bool nullable)
{
    public string Name { get; } = name;

    public bool Nullable { get; } = nullable;

    /// <summary>Rows held.</summary>
    public abstract int Count { get; }

    internal abstract ParquetColumn Schema { get; }

    public abstract void AddNull();

    internal abstract void Write(RowGroupWriter group);

    internal abstract void Clear();

    /// <summary>Room for four times as many: what outgrows some rows mostly fills a row group, and is copied seldom on the way there.</summary>
    private protected static void Grow<TValue>(ref TValue[] values)
        where TValue : unmanaged
    {
        TValue[] larger = GC.AllocateUninitializedArray<TValue>(values.Length * 4);
        values.CopyTo(larger, 0);
        values = larger;
    }

    protected InvalidOperationException NotNullable() => new($"column {Name} cannot hold NULL");
}

/// <summary>A column of numbers: sbyte to ulong, float, double or bool.</summary>
public sealed class Column<T> : Column
    where T : unmanaged
{
    private T[] _values = new T[1024];
    private ushort[] _present = [];
    private int _filled;

    // Of a nullable column; any other has as many rows as values.
    private int _rows;

    public Column(string name, bool nullable = false)
        : base(name, nullable)
    {
        Schema = ParquetColumn.Number<T>(name, nullable);
        _present = nullable ? new ushort[1024] : [];
    }

    public override int Count => Nullable ? _rows : _filled;

    internal override ParquetColumn Schema { get; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(T value)
    {
        T[] values = _values;
        int at = _filled;
        if ((uint)at < (uint)values.Length)
        {
            values[at] = value;
            _filled = at + 1;
        }
        else
        {
            AddToLarger(value);
        }

        if (Nullable)
        {
            Mark(1);
        }
    }

    public void Add(T? value)
    {
        if (value is { } v)
        {
            Add(v);
        }
        else
        {
            AddNull();
        }
    }

    /// <summary>Adds the value, or NULL if it is not <paramref name="known"/>.</summary>
    public void Add(T value, bool known)
    {
        if (known)
        {
            Add(value);
        }
        else
        {
            AddNull();
        }
    }

    public override void AddNull()
    {
        if (!Nullable)
        {
            throw NotNullable();
        }

        Mark(0);
    }

    internal override void Write(RowGroupWriter group)
    {
        NumberChunk chunk = group.Numbers(Schema);
        ReadOnlySpan<T> left = _values.AsSpan(0, _filled);
        for (int row = 0; row < Count; row += ColumnChunk.BlockRows)
        {
            int rows = Math.Min(ColumnChunk.BlockRows, Count - row);
            int values = rows;
            if (Nullable)
            {
                ReadOnlySpan<ushort> present = _present.AsSpan(row, rows);
                present.CopyTo(chunk.Present);
                values = present.Count((ushort)1);
            }

            Span<long> block = chunk.Block;
            for (int i = 0; i < values; i++)
            {
                block[i] = NumberChunk.Widen(left[i]);
            }

            left = left[values..];
            chunk.Add(rows, values);
        }
    }

    internal override void Clear() => _rows = _filled = 0;

    private void AddToLarger(T value)
    {
        Grow(ref _values);
        _values[_filled++] = value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Mark(ushort mark)
    {
        ushort[] present = _present;
        int at = _rows;
        if ((uint)at < (uint)present.Length)
        {
            present[at] = mark;
            _rows = at + 1;
        }
        else
        {
            MarkLarger(mark);
        }
    }

    private void MarkLarger(ushort mark)
    {
        Grow(ref _present);
        _present[_rows++] = mark;
    }
}

/// <summary>A column of texts, written with a dictionary where values repeat.</summary>
public sealed class StringColumn(string name, bool nullable = true) : Column(name, nullable)
{
    private string?[] _values = new string?[1024];
    private int _count;

    public override int Count => _count;

    internal override ParquetColumn Schema { get; } = ParquetColumn.Text(name, nullable);

    public void Add(string? value)
    {
        if (value is null && !Nullable)
        {
            throw NotNullable();
        }

        if (_count == _values.Length)
        {
            Array.Resize(ref _values, _count * 2);
        }

        _values[_count++] = value;
    }

    public override void AddNull() => Add(null);

    internal override void Write(RowGroupWriter group)
    {
        TextChunk chunk = group.Texts(Schema);
        foreach (string? value in _values.AsSpan(0, Count))
        {
            chunk.Add(value);
        }
    }

    internal override void Clear()
    {
        Array.Clear(_values, 0, _count);
        _count = 0;
    }
}

/// <summary>A column of byte strings (BLOB).</summary>
public sealed class BytesColumn(string name, bool nullable = true) : Column(name, nullable)
{
    private byte[]?[] _values = new byte[]?[64];
    private int _count;

    public override int Count => _count;

    internal override ParquetColumn Schema { get; } = ParquetColumn.Bytes(name, nullable);

    public void Add(byte[]? value)
    {
        if (value is null && !Nullable)
        {
            throw NotNullable();
        }

        if (_count == _values.Length)
        {
            Array.Resize(ref _values, _count * 2);
        }

        _values[_count++] = value;
    }

    public override void AddNull() => Add(null);

    internal override void Write(RowGroupWriter group)
    {
        TextChunk chunk = group.Texts(Schema);
        foreach (byte[]? value in _values.AsSpan(0, Count))
        {
            if (value is null)
            {
                chunk.AddNull();
            }
            else
            {
                chunk.Add(value.AsSpan());
            }
        }
    }

    internal override void Clear()
    {
        Array.Clear(_values, 0, _count);
        _count = 0;
    }
}
