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

/// <summary>Which number of a row's head a column holds; a struct, so that the loop over the rows is compiled for it.</summary>
internal interface IHeadValue<T>
{
    static abstract T Of(in RowHead head);
}

internal readonly struct SeqValue : IHeadValue<long>
{
    public static long Of(in RowHead head) => head.Seq;
}

internal readonly struct TimestampValue : IHeadValue<long>
{
    public static long Of(in RowHead head) => head.Timestamp;
}

internal readonly struct CpuValue : IHeadValue<int>
{
    public static int Of(in RowHead head) => head.Cpu;
}

internal readonly struct PidValue : IHeadValue<int>
{
    public static int Of(in RowHead head) => head.Pid;
}

internal readonly struct TgidValue : IHeadValue<int>
{
    public static int Of(in RowHead head) => head.Tgid;
}

/// <summary>A number that stands beside the payload.</summary>
internal sealed class HeadColumn<T, TValue>(string name) : EventColumn(new DataField(name, typeof(T), isNullable: false))
    where T : struct
    where TValue : struct, IHeadValue<T>
{
    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        T[] values = ArrayPool<T>.Shared.Rent(batch.Count);
        Gather(batch.Heads, values);
        WriteValues<T>(group, values.AsMemory(0, batch.Count));
        ArrayPool<T>.Shared.Return(values);
    }

    private static void Gather(ReadOnlySpan<RowHead> heads, Span<T> into)
    {
        for (int i = 0; i < heads.Length; i++)
        {
            into[i] = TValue.Of(in heads[i]);
        }
    }
}

/// <summary>A number that is NULL where it is -1: a process id, a CPU.</summary>
internal sealed class IdColumn<TValue>(string name) : EventColumn(new DataField(name, typeof(int), isNullable: true))
    where TValue : struct, IHeadValue<int>
{
    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        int[] present = ArrayPool<int>.Shared.Rent(batch.Count);
        int[] values = ArrayPool<int>.Shared.Rent(batch.Count);
        int n = Gather(batch.Heads, values, present);
        WriteValues<int>(group, values.AsMemory(0, n), present.AsMemory(0, batch.Count));
        ArrayPool<int>.Shared.Return(values);
        ArrayPool<int>.Shared.Return(present);
    }

    private static int Gather(ReadOnlySpan<RowHead> heads, int[] values, int[] present)
    {
        int n = 0;
        for (int i = 0; i < heads.Length; i++)
        {
            int id = TValue.Of(in heads[i]);
            values[n] = id;
            present[i] = id == -1 ? 0 : 1;
            n += present[i];
        }

        return n;
    }
}

/// <summary>The same text in every row.</summary>
internal sealed class ConstantColumn(string name, string value) : EventColumn(new DataField(name, typeof(string), isNullable: false))
{
    private readonly ReadOnlyMemory<char>[] _dictionary = [value.AsMemory()];
    // All rows of all such columns point at their first text.
    private static int[] s_zeros = [];

    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        int[] zeros = s_zeros;
        if (zeros.Length < batch.Count)
        {
            s_zeros = zeros = new int[batch.Count];
        }

        DictionaryPages.Write(group, Field, _dictionary, zeros.AsMemory(0, batch.Count), null);
    }
}

/// <summary>The thread's name.</summary>
internal sealed class CommColumn() : EventColumn(new DataField("comm", typeof(string), isNullable: true))
{
    private readonly TextPage _page = new();

    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        _page.Begin(batch.Count);
        foreach (ref readonly RowHead head in batch.Heads)
        {
            _page.Add(head.Comm);
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
        Gather(batch.Payloads.Span, batch.Offsets, offset, values.AsSpan(0, count));
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
            values[i] = batch.Payloads.Slice(batch.Offsets[i] + at, bytes.Length);
        }

        WriteValues<ReadOnlyMemory<byte>>(group, values.AsMemory(0, batch.Count));
        ArrayPool<ReadOnlyMemory<byte>>.Shared.Return(values, clearArray: true);
    }
}
