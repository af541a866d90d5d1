using System.Text;
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

    internal virtual bool UseDictionary => false;

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
    private string?[] _values = new string?[1024];

    internal override DataField Field { get; } = new(name, typeof(string), isNullable: nullable);

    internal override bool UseDictionary => true;

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

    internal override void Write(ParquetRowGroupWriter group) => StringPages.Write(group, Field, _values.AsSpan(0, Count));

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

/// <summary>Text columns in the form that Parquet.Net takes without copying.</summary>
internal static class StringPages
{
    public static void Write(ParquetRowGroupWriter group, DataField field, ReadOnlySpan<string?> values)
    {
        ReadOnlyMemory<char>[] filled = System.Buffers.ArrayPool<ReadOnlyMemory<char>>.Shared.Rent(values.Length);
        int[] present = System.Buffers.ArrayPool<int>.Shared.Rent(values.Length);
        int n = 0;
        for (int i = 0; i < values.Length; i++)
        {
            string? v = values[i];
            present[i] = v is null ? 0 : 1;
            if (v is not null)
            {
                filled[n++] = v.AsMemory();
            }
        }

        ParquetFile.Await(group.WriteAllPartsAsync(
            field,
            new ReadOnlyMemory<ReadOnlyMemory<char>>(filled, 0, n),
            field.IsNullable ? (ReadOnlyMemory<int>?)new ReadOnlyMemory<int>(present, 0, values.Length) : null,
            null,
            CancellationToken.None));
        System.Buffers.ArrayPool<int>.Shared.Return(present);
        System.Buffers.ArrayPool<ReadOnlyMemory<char>>.Shared.Return(filled, clearArray: true);
    }

    /// <summary>UTF-8 text; a byte that is none is shown as <c>\xNN</c>, so that no value is lost.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        StringBuilder text = new();
        while (!bytes.IsEmpty)
        {
            bool good = Rune.DecodeFromUtf8(bytes, out Rune rune, out int consumed) == System.Buffers.OperationStatus.Done;
            if (good)
            {
                text.Append(rune.ToString());
            }
            else
            {
                consumed = Math.Max(1, consumed);
                foreach (byte b in bytes[..consumed])
                {
                    text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\x{b:x2}");
                }
            }

            bytes = bytes[consumed..];
        }

        return text.ToString();
    }
}
