using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TraceReplay.Ingest.Dataset.ParquetEncoding;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>A number from the payload that some records do not have (texts of traces).</summary>
internal sealed class NullableNumberColumn<T>(string name, EventFormat format, EventField field, int bit) : EventColumn(ParquetColumn.Number<T>(name, nullable: true))
    where T : unmanaged
{
    private readonly bool _asItIs = format.BigEndian != BitConverter.IsLittleEndian && field.Size == Unsafe.SizeOf<T>();

    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        NumberChunk chunk = group.Numbers(Schema);
        for (int row = 0; row < batch.Count; row += ColumnChunk.BlockRows)
        {
            int rows = Math.Min(ColumnChunk.BlockRows, batch.Count - row);
            int values = _asItIs ? Gather(batch, row, rows, chunk.Block, chunk.Present) : GatherOther(batch, row, rows, chunk.Block, chunk.Present);
            chunk.Add(rows, values);
        }
    }

    private int Gather(RowBatch batch, int from, int rows, Span<long> block, Span<ushort> present)
    {
        ReadOnlySpan<int> offsets = batch.Offsets.Slice(from, rows);
        ReadOnlySpan<RowHead> heads = batch.Heads.Slice(from, rows);
        ReadOnlySpan<RowExtra> extras = batch.Extras;
        ReadOnlySpan<byte> payloads = batch.Payloads;
        extras = extras.IsEmpty ? extras : extras.Slice(from, rows);
        present = present[..rows];
        int end = field.Offset + Unsafe.SizeOf<T>();
        int values = 0;
        for (int i = 0; i < rows; i++)
        {
            present[i] = 0;
            if ((extras.IsEmpty || (extras[i].Nulls >> bit & 1) == 0) && end <= heads[i].Length)
            {
                block[values++] = NumberChunk.Widen(MemoryMarshal.Read<T>(payloads[(offsets[i] + field.Offset)..]));
                present[i] = 1;
            }
        }

        return values;
    }

    private int GatherOther(RowBatch batch, int from, int rows, Span<long> block, Span<ushort> present)
    {
        int values = 0;
        for (int i = 0; i < rows; i++)
        {
            present[i] = 0;
            if ((batch.Extra(from + i).Nulls >> bit & 1) == 0 && FieldReader.Number(format, field, batch.Payload(from + i)) is { } value)
            {
                block[values++] = (long)value;
                present[i] = 1;
            }
        }

        return values;
    }
}

/// <summary>Text or bytes from the payload that some records do not have.</summary>
internal sealed class NullableBytesColumn(ParquetColumn schema, EventField field, bool bigEndian, int bit) : EventColumn(schema)
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        TextChunk chunk = group.Texts(Schema);
        for (int i = 0; i < batch.Count; i++)
        {
            if ((batch.Extra(i).Nulls >> bit & 1) == 0)
            {
                chunk.Add(FieldReader.Bytes(field, batch.Payload(i), bigEndian));
            }
            else
            {
                chunk.AddNull();
            }
        }
    }
}
