using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>Where the pages of a column lie in a file.</summary>
/// <param name="Start">Of the dictionary page, or of the first data page without one.</param>
internal readonly record struct ChunkPlace(long Start, int Size);

/// <summary>A row group's rows, and its chunks in the order of the columns.</summary>
internal sealed record RowGroupPlace(int Rows, ChunkPlace[] Chunks);

/// <summary>What a file's footer says, as far as it takes to read numbers.</summary>
internal sealed record FileForm(ParquetColumn[] Columns, RowGroupPlace[] RowGroups);

/// <summary>
/// Reads the footer of a file that <see cref="FileFooter"/> wrote. Whatever that one does not write (other writers, compressed pages,
/// nested columns) is not an error but another reader's business.
/// </summary>
internal static class FooterReader
{
    private const int Uncompressed = 0;

    // In the place of a logical type.
    private const int None = -1;
    private const int Unknown = -2;

    // Places of bits in a chunk fit in 32 bits.
    private const int LargestChunk = 1 << 28;

    /// <param name="footer">Without its length and the magic number behind it.</param>
    /// <param name="end">Where pages end at the latest: the footer's place in the file.</param>
    /// <returns>null if the file is of another form.</returns>
    public static FileForm? Read(ReadOnlySpan<byte> footer, long end)
    {
        ThriftReader thrift = new(footer);
        ParquetColumn[]? columns = null;
        RowGroupPlace[]? groups = null;
        bool own = false;
        for (int id = 0; thrift.Next(ref id);)
        {
            switch (id)
            {
                case 2:
                    columns = Schema(ref thrift);
                    break;
                case 4 when columns is not null:
                    groups = RowGroups(ref thrift, columns, end);
                    break;
                case 6:
                    own = thrift.Text().StartsWith(FileFooter.Writer, StringComparison.Ordinal);
                    break;
                default:
                    thrift.Skip();
                    break;
            }
        }

        return thrift.Failed || !own || columns is null || groups is null ? null : new FileForm(columns, groups);
    }

    private static ParquetColumn[]? Schema(ref ThriftReader thrift)
    {
        int count = thrift.List(ThriftType.Struct);
        List<ParquetColumn> columns = [];
        bool known = true;
        for (int i = 0; i < count && !thrift.Failed; i++)
        {
            (string name, long physical, long repetition, long children, long converted, int logical) = ("", -1, 0, -1, None, None);
            for (int id = 0; thrift.Next(ref id);)
            {
                switch (id)
                {
                    case 1: physical = thrift.Number(); break;
                    case 3: repetition = thrift.Number(); break;
                    case 4: name = thrift.Text(); break;
                    case 5: children = thrift.Number(); break;
                    case 6: converted = thrift.Number(); break;
                    case 10: logical = Logical(ref thrift); break;
                    default: thrift.Skip(); break;
                }
            }

            if (i == 0)
            {
                known &= children == count - 1;
            }
            else if (children < 0 && repetition is 0 or 1 && converted == logical && Column(name, physical, repetition == 1, logical) is { } column)
            {
                columns.Add(column);
            }
            else
            {
                known = false;
            }
        }

        return known && !thrift.Failed ? [.. columns] : null;
    }

    /// <summary>The logical type as the number of the older type that must stand beside it.</summary>
    private static int Logical(ref ThriftReader thrift)
    {
        int type = Unknown;
        thrift.Struct();
        for (int id = 0; thrift.Next(ref id);)
        {
            switch (id)
            {
                case 1:
                    type = 0;
                    thrift.Skip();
                    break;
                case 10:
                    (long bits, bool signed) = (0, false);
                    thrift.Struct();
                    for (int inner = 0; thrift.Next(ref inner);)
                    {
                        switch (inner)
                        {
                            case 1: bits = thrift.Number(); break;
                            case 2: signed = thrift.Bool(); break;
                            default: thrift.Skip(); break;
                        }
                    }

                    type = bits is 8 or 16 or 32 or 64 ? (signed ? 15 : 11) + int.Log2((int)bits / 8) : Unknown;
                    break;
                default:
                    thrift.Skip();
                    break;
            }
        }

        return type;
    }

    private static ParquetColumn? Column(string name, long physical, bool nullable, int logical) => ((PhysicalType)physical, logical) switch
    {
        (PhysicalType.Boolean or PhysicalType.Float or PhysicalType.Double or PhysicalType.ByteArray, None) => new(name, (PhysicalType)physical, nullable),
        (PhysicalType.ByteArray, 0) => ParquetColumn.Text(name, nullable),
        (PhysicalType.Int32, 11 or 12 or 13) => new(name, PhysicalType.Int32, nullable, 8 << (logical - 11)),
        (PhysicalType.Int32, 15 or 16 or 17) => new(name, PhysicalType.Int32, nullable, 8 << (logical - 15), Signed: true),
        (PhysicalType.Int64, 14) => new(name, PhysicalType.Int64, nullable, 64),
        (PhysicalType.Int64, 18) => new(name, PhysicalType.Int64, nullable, 64, Signed: true),
        _ => null,
    };

    private static RowGroupPlace[]? RowGroups(ref ThriftReader thrift, ParquetColumn[] columns, long end)
    {
        int count = thrift.List(ThriftType.Struct);
        List<RowGroupPlace> groups = [];
        bool known = true;
        for (int i = 0; i < count && !thrift.Failed; i++)
        {
            long rows = -1;
            ChunkPlace[]? chunks = null;
            long values = -1;
            for (int id = 0; thrift.Next(ref id);)
            {
                switch (id)
                {
                    case 1: chunks = Chunks(ref thrift, columns, end, out values); break;
                    case 3: rows = thrift.Number(); break;
                    default: thrift.Skip(); break;
                }
            }

            if (chunks is not null && rows is >= 0 and <= int.MaxValue && (values == rows || columns.Length == 0))
            {
                groups.Add(new RowGroupPlace((int)rows, chunks));
            }
            else
            {
                known = false;
            }
        }

        return known && !thrift.Failed ? [.. groups] : null;
    }

    /// <param name="values">Of every chunk.</param>
    private static ChunkPlace[]? Chunks(ref ThriftReader thrift, ParquetColumn[] columns, long end, out long values)
    {
        int count = thrift.List(ThriftType.Struct);
        ChunkPlace[] chunks = new ChunkPlace[columns.Length];
        bool known = count == columns.Length;
        values = -1;
        for (int i = 0; i < count && !thrift.Failed; i++)
        {
            (long physical, long codec, long rows, long size, long first, long dictionary) = (-1, -1, -1, -1, -1, -1);
            for (int id = 0; thrift.Next(ref id);)
            {
                switch (id)
                {
                    case 3:
                        thrift.Struct();
                        for (int inner = 0; thrift.Next(ref inner);)
                        {
                            switch (inner)
                            {
                                case 1: physical = thrift.Number(); break;
                                case 4: codec = thrift.Number(); break;
                                case 5: rows = thrift.Number(); break;
                                case 7: size = thrift.Number(); break;
                                case 9: first = thrift.Number(); break;
                                case 11: dictionary = thrift.Number(); break;
                                default: thrift.Skip(); break;
                            }
                        }

                        break;
                    case 2 or 4 or 5 or 6 or 7:
                        thrift.Skip();
                        break;
                    default:
                        // Pages in another file, or encrypted ones.
                        known = false;
                        thrift.Skip();
                        break;
                }
            }

            long start = dictionary >= 0 ? dictionary : first;
            known = known && physical == (long)columns[i].Physical && codec == Uncompressed && (i == 0 || rows == values)
                && start >= 0 && size is >= 0 and < LargestChunk && start <= end - size;
            values = rows;
            if (known)
            {
                chunks[i] = new ChunkPlace(start, (int)size);
            }
        }

        return known && !thrift.Failed ? chunks : null;
    }
}
