using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TraceReplay.Ingest.Dataset.ParquetEncoding;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>Writes one column of a batch.</summary>
internal abstract class EventColumn(ParquetColumn schema)
{
    public ParquetColumn Schema { get; } = schema;

    public abstract void Write(RowBatch batch, RowGroupWriter group);
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
internal sealed class HeadColumn<T, TValue>(string name) : EventColumn(ParquetColumn.Number<T>(name, nullable: false))
    where T : unmanaged
    where TValue : struct, IHeadValue<T>
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        NumberChunk chunk = group.Numbers(Schema);
        for (ReadOnlySpan<RowHead> left = batch.Heads; !left.IsEmpty;)
        {
            int rows = Math.Min(ColumnChunk.BlockRows, left.Length);
            Gather(left[..rows], chunk.Block);
            chunk.Add(rows, rows);
            left = left[rows..];
        }
    }

    private static void Gather(ReadOnlySpan<RowHead> heads, Span<long> into)
    {
        into = into[..heads.Length];
        for (int i = 0; i < heads.Length; i++)
        {
            into[i] = NumberChunk.Widen(TValue.Of(in heads[i]));
        }
    }
}

/// <summary>A number that is NULL where it is -1: a thread or process id, a CPU.</summary>
internal sealed class IdColumn<TValue>(string name) : EventColumn(ParquetColumn.Number<int>(name, nullable: true))
    where TValue : struct, IHeadValue<int>
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        NumberChunk chunk = group.Numbers(Schema);
        for (ReadOnlySpan<RowHead> left = batch.Heads; !left.IsEmpty;)
        {
            int rows = Math.Min(ColumnChunk.BlockRows, left.Length);
            chunk.Add(rows, Gather(left[..rows], chunk.Block, chunk.Present));
            left = left[rows..];
        }
    }

    private static int Gather(ReadOnlySpan<RowHead> heads, Span<long> values, Span<ushort> present)
    {
        int n = 0;
        for (int i = 0; i < heads.Length; i++)
        {
            int id = TValue.Of(in heads[i]);
            ushort known = (ushort)(id == -1 ? 0 : 1);
            values[n] = id;
            present[i] = known;
            n += known;
        }

        return n;
    }
}

/// <summary>The same text in every row.</summary>
internal sealed class ConstantColumn(string name, string value) : EventColumn(ParquetColumn.Text(name, nullable: false))
{
    public override void Write(RowBatch batch, RowGroupWriter group) => group.Texts(Schema).Add(value, batch.Count);
}

/// <summary>The thread's name.</summary>
internal sealed class CommColumn() : EventColumn(ParquetColumn.Text("comm", nullable: true))
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        TextChunk chunk = group.Texts(Schema);
        for (ReadOnlySpan<RowHead> left = batch.Heads; !left.IsEmpty;)
        {
            // A thread mostly has many events in a row.
            int name = left[0].Comm;
            int rows = 1;
            while (rows < left.Length && left[rows].Comm == name)
            {
                rows++;
            }

            chunk.Add(batch.Names[name], rows);
            left = left[rows..];
        }
    }
}

/// <summary>A text that follows from the row.</summary>
internal sealed class TextColumn(string name, Func<RowBatch, int, string?> value, bool nullable) : EventColumn(ParquetColumn.Text(name, nullable))
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        TextChunk chunk = group.Texts(Schema);
        for (int i = 0; i < batch.Count; i++)
        {
            chunk.Add(value(batch, i));
        }
    }
}

/// <summary>A number from the payload, in the byte order of the capture.</summary>
internal sealed class NumberColumn<T>(string name, int offset, bool swap) : EventColumn(ParquetColumn.Number<T>(name, nullable: false))
    where T : unmanaged
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        NumberChunk chunk = group.Numbers(Schema);
        for (ReadOnlySpan<int> left = batch.Offsets; !left.IsEmpty;)
        {
            int rows = Math.Min(ColumnChunk.BlockRows, left.Length);
            if (swap)
            {
                GatherSwapped(batch.Payloads, left[..rows], offset, chunk.Block);
            }
            else
            {
                Gather(batch.Payloads, left[..rows], offset, chunk.Block);
            }

            chunk.Add(rows, rows);
            left = left[rows..];
        }
    }

    private static void Gather(ReadOnlySpan<byte> payloads, ReadOnlySpan<int> rows, int offset, Span<long> into)
    {
        // RowBatch.Add filled every payload up to the event's FixedSize, so the read stays within it.
        ref byte start = ref Unsafe.Add(ref MemoryMarshal.GetReference(payloads), offset);
        into = into[..rows.Length];
        for (int i = 0; i < rows.Length; i++)
        {
            into[i] = NumberChunk.Widen(Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref start, rows[i])));
        }
    }

    private static void GatherSwapped(ReadOnlySpan<byte> payloads, ReadOnlySpan<int> rows, int offset, Span<long> into)
    {
        for (int i = 0; i < rows.Length; i++)
        {
            into[i] = NumberChunk.Widen(Swapped(MemoryMarshal.Read<T>(payloads[(rows[i] + offset)..])));
        }
    }

    private static T Swapped(T value) => Unsafe.SizeOf<T>() switch
    {
        2 => Unsafe.BitCast<ushort, T>(BinaryPrimitives.ReverseEndianness(Unsafe.BitCast<T, ushort>(value))),
        4 => Unsafe.BitCast<uint, T>(BinaryPrimitives.ReverseEndianness(Unsafe.BitCast<T, uint>(value))),
        8 => Unsafe.BitCast<ulong, T>(BinaryPrimitives.ReverseEndianness(Unsafe.BitCast<T, ulong>(value))),
        _ => value,
    };
}

/// <summary>A pointer of a 32-bit kernel, shown in 8 bytes.</summary>
internal sealed class ShortPointerColumn(string name, EventFormat format, EventField field) : EventColumn(ParquetColumn.Number<ulong>(name, nullable: false))
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        NumberChunk chunk = group.Numbers(Schema);
        for (int row = 0; row < batch.Count; row += ColumnChunk.BlockRows)
        {
            int rows = Math.Min(ColumnChunk.BlockRows, batch.Count - row);
            for (int i = 0; i < rows; i++)
            {
                chunk.Block[i] = (long)(FieldReader.Number(format, field, batch.Payload(row + i)) ?? 0);
            }

            chunk.Add(rows, rows);
        }
    }
}

/// <summary>A text from the payload, or bytes as they are, in the capture's byte order.</summary>
internal sealed class BytesFieldColumn(ParquetColumn schema, EventField field, bool bigEndian) : EventColumn(schema)
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        TextChunk chunk = group.Texts(Schema);
        for (int i = 0; i < batch.Count; i++)
        {
            chunk.Add(FieldReader.Bytes(field, batch.Payload(i), bigEndian));
        }
    }
}
