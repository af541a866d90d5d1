using System.Globalization;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>Parquet's description of a file, at its end. The numbers are the ids of the format's Thrift definition.</summary>
internal static class FileFooter
{
    /// <summary>What the name of the writer begins with.</summary>
    public const string Writer = "tracereplay version ";

    // Readers look for "NAME version N": statistics of texts are trusted of writers that they can parse.
    private static readonly string s_createdBy = Writer + (typeof(FileFooter).Assembly.GetName().Version?.ToString(3) ?? "0.0.0");

    private static readonly KeyValuePair<string, string>[] s_signature =
    [
        new("tracereplay.dataset_format", DatasetFormat.Current.ToString(CultureInfo.InvariantCulture)),
        new("tracereplay.written_by", DatasetFormat.Program),
    ];

    public static void Write(
        ByteBuffer output, IReadOnlyList<ParquetColumn> columns, long rows, int groups, ReadOnlySpan<byte> rowGroups, IReadOnlyList<KeyValuePair<string, string>> metadata)
    {
        ThriftWriter thrift = new(output);
        thrift.Begin();
        thrift.Int32(1, 1);
        thrift.List(2, ThriftType.Struct, columns.Count + 1);
        thrift.Begin();
        thrift.Text(4, "root");
        thrift.Int32(5, columns.Count);
        thrift.End();
        foreach (ParquetColumn column in columns)
        {
            Column(thrift, column);
        }

        thrift.Int64(3, rows);
        thrift.List(4, ThriftType.Struct, groups);
        thrift.Items(rowGroups);
        thrift.List(5, ThriftType.Struct, s_signature.Length + metadata.Count);
        foreach (KeyValuePair<string, string> pair in s_signature.Concat(metadata))
        {
            thrift.Begin();
            thrift.Text(1, pair.Key);
            thrift.Text(2, pair.Value);
            thrift.End();
        }

        thrift.Text(6, s_createdBy);

        // Every column is ordered as its type is.
        thrift.List(7, ThriftType.Struct, columns.Count);
        for (int i = 0; i < columns.Count; i++)
        {
            thrift.Begin();
            thrift.Begin(1);
            thrift.End();
            thrift.End();
        }

        thrift.End();
    }

    public static void RowGroup(ByteBuffer output, int ordinal, int rows, IReadOnlyList<ChunkInfo> chunks, long indexes, ReadOnlySpan<byte> statistics, int sorted)
    {
        ThriftWriter thrift = new(output);
        thrift.Begin();
        thrift.List(1, ThriftType.Struct, chunks.Count);
        foreach (ChunkInfo chunk in chunks)
        {
            Chunk(thrift, chunk, indexes, statistics);
        }

        long size = chunks.Sum(c => c.Size);
        thrift.Int64(2, size);
        thrift.Int64(3, rows);
        if (sorted >= 0)
        {
            thrift.List(4, ThriftType.Struct, 1);
            thrift.Begin();
            thrift.Int32(1, sorted);
            thrift.Bool(2, false);
            thrift.Bool(3, false);
            thrift.End();
        }

        thrift.Int64(5, chunks.Count == 0 ? 0 : chunks[0].Start);
        thrift.Int64(6, size);
        if (ordinal <= short.MaxValue)
        {
            thrift.Int16(7, ordinal);
        }

        thrift.End();
    }

    private static void Chunk(ThriftWriter thrift, in ChunkInfo chunk, long indexes, ReadOnlySpan<byte> statistics)
    {
        thrift.Begin();
        thrift.Int64(2, chunk.Start);
        thrift.Begin(3);
        thrift.Int32(1, (int)chunk.Column.Physical);
        thrift.List(2, ThriftType.Int32, int.PopCount(chunk.Encodings));
        for (int left = chunk.Encodings; left != 0; left &= left - 1)
        {
            thrift.NumberItem(int.TrailingZeroCount(left));
        }

        thrift.List(3, ThriftType.Binary, 1);
        thrift.TextItem(chunk.Column.Name);
        thrift.Int32(4, 0);
        thrift.Int64(5, chunk.Rows);
        thrift.Int64(6, chunk.Size);
        thrift.Int64(7, chunk.Size);
        thrift.Int64(9, chunk.FirstPage);
        if (chunk.HasDictionary)
        {
            thrift.Int64(11, chunk.Start);
        }

        thrift.Begin(12);
        thrift.Int64(3, chunk.Nulls);
        if (chunk.HasBounds)
        {
            thrift.Binary(5, statistics[chunk.Max]);
            thrift.Binary(6, statistics[chunk.Min]);
        }

        thrift.End();
        thrift.End();
        Place(thrift, 4, chunk.OffsetIndex, indexes);
        if (chunk.ColumnIndex.Start.Value < chunk.ColumnIndex.End.Value)
        {
            Place(thrift, 6, chunk.ColumnIndex, indexes);
        }

        thrift.End();
    }

    private static void Place(ThriftWriter thrift, int id, Range range, long indexes)
    {
        thrift.Int64(id, indexes + range.Start.Value);
        thrift.Int32(id + 1, range.End.Value - range.Start.Value);
    }

    private static void Column(ThriftWriter thrift, ParquetColumn column)
    {
        thrift.Begin();
        thrift.Int32(1, (int)column.Physical);
        thrift.Int32(3, column.Nullable ? 1 : 0);
        thrift.Text(4, column.Name);
        if (column.IsText)
        {
            thrift.Int32(6, 0);
            thrift.Begin(10);
            thrift.Begin(1);
            thrift.End();
            thrift.End();
        }
        else if (column.Bits > 0)
        {
            // UINT_8 is 11 and INT_8 15, the wider ones follow.
            thrift.Int32(6, (column.Signed ? 15 : 11) + int.Log2(column.Bits / 8));
            thrift.Begin(10);
            thrift.Begin(10);
            thrift.Byte(1, column.Bits);
            thrift.Bool(2, column.Signed);
            thrift.End();
            thrift.End();
        }

        thrift.End();
    }
}
