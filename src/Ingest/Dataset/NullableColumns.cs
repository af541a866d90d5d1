using TraceReplay.Ingest.Dataset.ParquetEncoding;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>A number from the payload that some records do not have (texts of traces).</summary>
internal sealed class NullableNumberColumn<T>(string name, EventFormat format, EventField field, int bit) : EventColumn(ParquetColumn.Number<T>(name, nullable: true))
    where T : unmanaged
{
    public override void Write(RowBatch batch, RowGroupWriter group)
    {
        NumberChunk chunk = group.Numbers(Schema);
        ReadOnlySpan<RowExtra> extras = batch.Extras;
        for (int row = 0; row < batch.Count; row += ColumnChunk.BlockRows)
        {
            int rows = Math.Min(ColumnChunk.BlockRows, batch.Count - row);
            Span<long> block = chunk.Block;
            Span<ushort> present = chunk.Present;
            int values = 0;
            for (int i = 0; i < rows; i++)
            {
                present[i] = 0;
                if ((extras.IsEmpty || (extras[row + i].Nulls >> bit & 1) == 0) && FieldReader.Number(format, field, batch.Payload(row + i)) is { } value)
                {
                    block[values++] = (long)value;
                    present[i] = 1;
                }
            }

            chunk.Add(rows, values);
        }
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
