using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Parquet;
using Parquet.Schema;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>Writes one column of a batch.</summary>
internal abstract class EventColumn(DataField field)
{
    public DataField Field { get; } = field;

    public abstract void Write(RowBatch batch, ParquetRowGroupWriter group);

    protected void WriteValues<T>(ParquetRowGroupWriter group, ReadOnlyMemory<T> values, ReadOnlyMemory<int>? present = null)
        where T : struct =>
        ParquetFile.Await(group.WriteAllPartsAsync(Field, values, present, null, CancellationToken.None));
}

/// <summary>A column that the batch holds as it is.</summary>
internal sealed class StoredColumn<T>(string name, Func<RowBatch, T[]> values) : EventColumn(new DataField(name, typeof(T), isNullable: false))
    where T : struct
{
    public override void Write(RowBatch batch, ParquetRowGroupWriter group) => WriteValues<T>(group, values(batch).AsMemory(0, batch.Count));
}

/// <summary>A number that is NULL where it is -1: a process id, a CPU.</summary>
internal sealed class IdColumn(string name, Func<RowBatch, int[]> ids) : EventColumn(new DataField(name, typeof(int), isNullable: true))
{
    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        int[] present = ArrayPool<int>.Shared.Rent(batch.Count);
        int[] values = ArrayPool<int>.Shared.Rent(batch.Count);
        int[] all = ids(batch);
        int n = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            values[n] = all[i];
            present[i] = all[i] == -1 ? 0 : 1;
            n += present[i];
        }

        WriteValues<int>(group, values.AsMemory(0, n), present.AsMemory(0, batch.Count));
        ArrayPool<int>.Shared.Return(values);
        ArrayPool<int>.Shared.Return(present);
    }
}

/// <summary>The same text in every row.</summary>
internal sealed class ConstantColumn(string name, string value) : EventColumn(new DataField(name, typeof(string), isNullable: false))
{
    private readonly ReadOnlyMemory<char>[] _dictionary = [value.AsMemory()];
    private int[] _zeros = [];

    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        _zeros = _zeros.Length < batch.Count ? new int[batch.Count] : _zeros;
        DictionaryPages.Write(group, Field, _dictionary, _zeros.AsMemory(0, batch.Count), null);
    }
}

/// <summary>The thread's name.</summary>
internal sealed class CommColumn() : EventColumn(new DataField("comm", typeof(string), isNullable: true))
{
    private readonly TextPage _page = new();

    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        _page.Begin(batch.Count);
        foreach (string? comm in batch.Comm.AsSpan(0, batch.Count))
        {
            _page.Add(comm);
        }

        _page.Write(group, Field);
    }
}

/// <summary>A text that follows from the row.</summary>
internal sealed class TextColumn(string name, Func<RowBatch, int, string?> value, bool nullable) : EventColumn(new DataField(name, typeof(string), isNullable: nullable))
{
    private readonly TextPage _page = new();

    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        _page.Begin(batch.Count);
        for (int i = 0; i < batch.Count; i++)
        {
            _page.Add(value(batch, i));
        }

        _page.Write(group, Field);
    }
}

/// <summary>A number from the payload, in the byte order of the capture.</summary>
internal sealed class NumberColumn<T>(string name, int offset, bool swap) : EventColumn(new DataField(name, typeof(T), isNullable: false))
    where T : unmanaged
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        int count = batch.Count;
        T[] values = ArrayPool<T>.Shared.Rent(count);
        Gather(batch.Payloads, batch.Offset.AsSpan(0, count), offset, values.AsSpan(0, count));
        if (swap)
        {
            Swap(values.AsSpan(0, count));
        }

        WriteValues<T>(group, values.AsMemory(0, count));
        ArrayPool<T>.Shared.Return(values);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Gather(ReadOnlySpan<byte> payloads, ReadOnlySpan<int> rows, int offset, Span<T> into)
    {
        // RowBatch.Add filled every payload up to the event's FixedSize, so the read stays within it.
        ref byte start = ref Unsafe.Add(ref MemoryMarshal.GetReference(payloads), offset);
        for (int i = 0; i < rows.Length; i++)
        {
            into[i] = Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref start, rows[i]));
        }
    }

    private static void Swap(Span<T> values)
    {
        switch (Unsafe.SizeOf<T>())
        {
            case 2:
                Span<ushort> two = MemoryMarshal.Cast<T, ushort>(values);
                BinaryPrimitives.ReverseEndianness(two, two);
                break;
            case 4:
                Span<uint> four = MemoryMarshal.Cast<T, uint>(values);
                BinaryPrimitives.ReverseEndianness(four, four);
                break;
            case 8:
                Span<ulong> eight = MemoryMarshal.Cast<T, ulong>(values);
                BinaryPrimitives.ReverseEndianness(eight, eight);
                break;
            default:
                break;
        }
    }
}

/// <summary>A pointer of a 32-bit kernel, shown in 8 bytes.</summary>
internal sealed class ShortPointerColumn(string name, EventFormat format, EventField field) : EventColumn(new DataField(name, typeof(ulong), isNullable: false))
{
    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        ulong[] values = ArrayPool<ulong>.Shared.Rent(batch.Count);
        for (int i = 0; i < batch.Count; i++)
        {
            values[i] = FieldReader.Number(format, field, batch.Payload(i)) ?? 0;
        }

        WriteValues<ulong>(group, values.AsMemory(0, batch.Count));
        ArrayPool<ulong>.Shared.Return(values);
    }
}

/// <summary>A text from the payload.</summary>
internal sealed class StringFieldColumn(string name, EventField field, bool bigEndian) : EventColumn(new DataField(name, typeof(string), isNullable: false))
{
    // Texts repeat (names of threads, functions, devices): looking one up by its bytes costs less than making it again.
    private readonly Dictionary<ulong, (byte[] Bytes, string Text)> _seen = [];

    private readonly TextPage _page = new();

    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        _page.Begin(batch.Count);
        for (int i = 0; i < batch.Count; i++)
        {
            _page.Add(Text(FieldReader.Bytes(field, batch.Payload(i), bigEndian)));
        }

        _page.Write(group, Field);
        if (_seen.Count > 4096)
        {
            _seen.Clear();
        }
    }

    private string Text(ReadOnlySpan<byte> bytes)
    {
        HashCode hash = default;
        hash.AddBytes(bytes);
        ulong key = ((ulong)(uint)hash.ToHashCode() << 32) | (uint)bytes.Length;
        if (_seen.TryGetValue(key, out (byte[] Bytes, string Text) known) && bytes.SequenceEqual(known.Bytes))
        {
            return known.Text;
        }

        string text = TraceText.Decode(bytes);
        _seen[key] = (bytes.ToArray(), text);
        return text;
    }
}

/// <summary>Bytes from the payload as they are, in the capture's byte order.</summary>
internal sealed class BytesFieldColumn(string name, EventField field, bool bigEndian) : EventColumn(new DataField(name, typeof(byte[]), isNullable: false))
{
    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        ReadOnlyMemory<byte>[] values = ArrayPool<ReadOnlyMemory<byte>>.Shared.Rent(batch.Count);
        for (int i = 0; i < batch.Count; i++)
        {
            ReadOnlySpan<byte> payload = batch.Payload(i);
            ReadOnlySpan<byte> bytes = FieldReader.Bytes(field, payload, bigEndian);
            int at = bytes.IsEmpty ? 0 : (int)Unsafe.ByteOffset(ref MemoryMarshal.GetReference(payload), ref MemoryMarshal.GetReference(bytes));
            values[i] = batch.Payloads.AsMemory(batch.Offset[i] + at, bytes.Length);
        }

        WriteValues<ReadOnlyMemory<byte>>(group, values.AsMemory(0, batch.Count));
        ArrayPool<ReadOnlyMemory<byte>>.Shared.Return(values, clearArray: true);
    }
}
