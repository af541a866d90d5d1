using Parquet;
using Parquet.Schema;

namespace TraceReplay.Ingest.Dataset;

/// <summary>The rows of one column that are not written yet.</summary>
public abstract class Column(string name, bool nullable)
{
    public string Name { get; } = name;

    public bool Nullable { get; } = nullable;

    /// <summary>Rows held.</summary>
    public int Count { get; protected set; }

    /// <summary>The type as Parquet.Net describes it.</summary>
    internal abstract DataField Field { get; }

    public abstract void AddNull();

    internal abstract void Write(ParquetRowGroupWriter group);

    internal abstract void Clear();

    protected InvalidOperationException NotNullable() => new($"column {Name} cannot hold NULL");
}

/// <summary>A column of numbers: sbyte to ulong, float, double or bool.</summary>
public sealed class Column<T> : Column
    where T : unmanaged
{
    private T[] _values = new T[1024];
    private int[] _present = [];
    private int _filled;

    public Column(string name, bool nullable = false)
        : base(name, nullable)
    {
        Field = new DataField(name, typeof(T), isNullable: nullable);
        _present = nullable ? new int[1024] : [];
    }

    internal override DataField Field { get; }

    public void Add(T value)
    {
        if (_filled == _values.Length)
        {
            Array.Resize(ref _values, _filled * 2);
        }

        _values[_filled++] = value;
        Mark(1);
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

    public override void AddNull()
    {
        if (!Nullable)
        {
            throw NotNullable();
        }

        Mark(0);
    }

    internal override void Write(ParquetRowGroupWriter group) => ParquetFile.Await(group.WriteAllPartsAsync(
        Field,
        new ReadOnlyMemory<T>(_values, 0, _filled),
        Nullable ? (ReadOnlyMemory<int>?)new ReadOnlyMemory<int>(_present, 0, Count) : null,
        null,
        CancellationToken.None));

    internal override void Clear() => Count = _filled = 0;

    private void Mark(int present)
    {
        if (Nullable)
        {
            if (Count == _present.Length)
            {
                Array.Resize(ref _present, Count * 2);
            }

            _present[Count] = present;
        }

        Count++;
    }
}

/// <summary>A column of texts, written with a dictionary where values repeat.</summary>
public sealed class StringColumn(string name, bool nullable = true) : Column(name, nullable)
{
    private readonly TextPage _page = new();
    private string?[] _values = new string?[1024];

    internal override DataField Field { get; } = new(name, typeof(string), isNullable: nullable);

    public void Add(string? value)
    {
        if (value is null && !Nullable)
        {
            throw NotNullable();
        }

        if (Count == _values.Length)
        {
            Array.Resize(ref _values, Count * 2);
        }

        _values[Count++] = value;
    }

    public override void AddNull() => Add(null);

    internal override void Write(ParquetRowGroupWriter group)
    {
        _page.Begin(Count);
        foreach (string? value in _values.AsSpan(0, Count))
        {
            _page.Add(value);
        }

        _page.Write(group, Field);
    }

    internal override void Clear()
    {
        Array.Clear(_values, 0, Count);
        Count = 0;
    }
}

/// <summary>A column of byte strings (BLOB).</summary>
public sealed class BytesColumn(string name, bool nullable = true) : Column(name, nullable)
{
    private byte[]?[] _values = new byte[]?[64];

    internal override DataField Field { get; } = new(name, typeof(byte[]), isNullable: nullable);

    public void Add(byte[]? value)
    {
        if (value is null && !Nullable)
        {
            throw NotNullable();
        }

        if (Count == _values.Length)
        {
            Array.Resize(ref _values, Count * 2);
        }

        _values[Count++] = value;
    }

    public override void AddNull() => Add(null);

    internal override void Write(ParquetRowGroupWriter group) =>
        ParquetFile.Await(group.WriteAsync(Field, new ArraySegment<byte[]?>(_values, 0, Count)));

    internal override void Clear()
    {
        Array.Clear(_values, 0, Count);
        Count = 0;
    }
}
