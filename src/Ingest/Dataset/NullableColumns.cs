using System.Numerics;
using Parquet;
using Parquet.Schema;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset;

/// <summary>A number from the payload that some records do not have (texts of traces).</summary>
internal sealed class NullableNumberColumn<T>(string name, EventFormat format, EventField field, int bit) : EventColumn(new DataField(name, typeof(T), isNullable: true))
    where T : unmanaged, INumberBase<T>
{
    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        T[] values = new T[batch.Count];
        int[] present = new int[batch.Count];
        int n = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            if ((batch.Heads[i].Nulls >> bit & 1) == 0 && FieldReader.Number(format, field, batch.Payload(i)) is { } value)
            {
                values[n++] = T.CreateTruncating(value);
                present[i] = 1;
            }
        }

        WriteValues<T>(group, values.AsMemory(0, n), present);
    }
}

/// <summary>Bytes from the payload that some records do not have.</summary>
internal sealed class NullableBytesColumn(string name, EventField field, bool bigEndian, int bit) : EventColumn(new DataField(name, typeof(byte[]), isNullable: true))
{
    public override void Write(RowBatch batch, ParquetRowGroupWriter group)
    {
        ReadOnlyMemory<byte>[] values = new ReadOnlyMemory<byte>[batch.Count];
        int[] present = new int[batch.Count];
        int n = 0;
        for (int i = 0; i < batch.Count; i++)
        {
            if ((batch.Heads[i].Nulls >> bit & 1) == 0)
            {
                values[n++] = FieldReader.Bytes(field, batch.Payload(i), bigEndian).ToArray();
                present[i] = 1;
            }
        }

        WriteValues<ReadOnlyMemory<byte>>(group, values.AsMemory(0, n), present);
    }
}
