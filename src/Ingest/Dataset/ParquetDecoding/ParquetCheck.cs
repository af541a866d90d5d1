using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>
/// Whether Parquet.Net may be given a table of flat columns, of any writer: it does not see the end of a header that is cut or of another
/// shape and reads on for ever, and reserves whatever sizes are claimed.
/// </summary>
public static class ParquetCheck
{
    // Ingest writes row groups of some thousand rows, compact of 122,880; a reader has room for each at once.
    private const long MostRows = 1 << 24;
    private const int LargestPage = 1 << 28;

    // Statistics may hold long texts; an ordinary header has some 30 bytes.
    private const int HeaderRoom = 1 << 10;
    private const int MostHeaderRoom = 1 << 20;

    /// <summary>Reads the footer and the head of every page.</summary>
    /// <returns>What is wrong with the file; null if nothing was found.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">Nor may it be.</exception>
    public static string? Fault(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        int magic = ParquetFile.Magic.Length;
        long length = RandomAccess.GetLength(file);
        Span<byte> end = stackalloc byte[4 + magic];
        if (length < magic + end.Length || RandomAccess.Read(file, end, length - end.Length) != end.Length || !end[4..].SequenceEqual(ParquetFile.Magic))
        {
            return "a file without Parquet's last bytes";
        }

        int size = BinaryPrimitives.ReadInt32LittleEndian(end);
        long start = length - end.Length - size;
        if (size <= 0 || start < magic)
        {
            return "a footer of a length that the file does not have";
        }

        byte[] footer = new byte[size];
        if (RandomAccess.Read(file, footer, start) != size)
        {
            return "a file that ends too soon";
        }

        ThriftReader whole = new(footer);
        whole.Pass(MetadataShapes.File);
        return whole.Failed ? "a damaged footer" : Chunks(footer).Select(chunk => Fault(file, chunk, start)).FirstOrDefault(fault => fault is not null);
    }

    private static string? Fault(SafeFileHandle file, Chunk chunk, long end)
    {
        if (chunk.Rows is < 0 or > MostRows || chunk.Values != chunk.Rows)
        {
            return "a row group of rows that cannot be";
        }

        long at = chunk.Dictionary > 0 ? chunk.Dictionary : chunk.First;
        if (chunk.Size < 0 || at < 0 || at > end - chunk.Size)
        {
            return "a column that lies outside its file";
        }

        long rows = 0;
        for (long left = chunk.Size; left > 0;)
        {
            (int head, long size, long values, bool isData) = Page(file, at, left);
            if (head == 0 || size > left - head)
            {
                return "a damaged page header";
            }

            rows += isData ? values : 0;
            at += head + size;
            left -= head + size;
        }

        return rows == chunk.Rows ? null : "a column of pages that have other rows than it";
    }

    /// <returns>A head of 0 bytes if it is damaged.</returns>
    private static (int Head, long Size, long Values, bool IsData) Page(SafeFileHandle file, long at, long left)
    {
        for (int room = HeaderRoom; ; room = MostHeaderRoom)
        {
            byte[] bytes = new byte[Math.Min(room, left)];
            ReadOnlySpan<byte> read = bytes.AsSpan(0, RandomAccess.Read(file, bytes, at));
            ThriftReader shape = new(read);
            shape.Pass(MetadataShapes.Page);
            if (!shape.Failed)
            {
                ThriftReader thrift = new(read);
                (long type, long unpacked, long size, long values) = (-1, -1, -1, -1);
                for (int id = 0; thrift.Next(ref id);)
                {
                    switch (id)
                    {
                        case 1: type = thrift.Number(); break;
                        case 2: unpacked = thrift.Number(); break;
                        case 3: size = thrift.Number(); break;
                        case 5 or 7 or 8: values = thrift.FirstNumber(); break;
                        default: thrift.Skip(); break;
                    }
                }

                bool possible = type is 0 or 2 or 3 && unpacked is >= 0 and <= LargestPage && size >= 0 && values is >= 0 and <= MostRows;
                return possible ? (shape.Position, size, values, type != 2) : default;
            }

            if (room == MostHeaderRoom || room >= left)
            {
                return default;
            }
        }
    }

    private static List<Chunk> Chunks(ReadOnlySpan<byte> footer)
    {
        ThriftReader thrift = new(footer);
        List<Chunk> chunks = [];
        for (int id = 0; thrift.Next(ref id);)
        {
            if (id != 4)
            {
                thrift.Skip();
                continue;
            }

            int groups = thrift.List(ThriftType.Struct);
            for (int i = 0; i < groups && !thrift.Failed; i++)
            {
                RowGroup(ref thrift, chunks);
            }
        }

        return chunks;
    }

    private static void RowGroup(ref ThriftReader thrift, List<Chunk> chunks)
    {
        int first = chunks.Count;
        long rows = -1;
        for (int id = 0; thrift.Next(ref id);)
        {
            switch (id)
            {
                case 1:
                    int count = thrift.List(ThriftType.Struct);
                    for (int i = 0; i < count && !thrift.Failed; i++)
                    {
                        chunks.Add(Column(ref thrift));
                    }

                    break;
                case 3: rows = thrift.Number(); break;
                default: thrift.Skip(); break;
            }
        }

        for (int i = first; i < chunks.Count; i++)
        {
            chunks[i] = chunks[i] with { Rows = rows };
        }
    }

    private static Chunk Column(ref ThriftReader thrift)
    {
        Chunk chunk = new(-1, -1, -1, -1, -1);
        for (int id = 0; thrift.Next(ref id);)
        {
            if (id != 3)
            {
                thrift.Skip();
                continue;
            }

            thrift.Struct();
            for (int inner = 0; thrift.Next(ref inner);)
            {
                switch (inner)
                {
                    case 5: chunk = chunk with { Values = thrift.Number() }; break;
                    case 7: chunk = chunk with { Size = thrift.Number() }; break;
                    case 9: chunk = chunk with { First = thrift.Number() }; break;
                    case 11: chunk = chunk with { Dictionary = thrift.Number() }; break;
                    default: thrift.Skip(); break;
                }
            }
        }

        return chunk;
    }

    /// <param name="Dictionary">Where its page lies; not above 0 without one.</param>
    private readonly record struct Chunk(long Rows, long Values, long Size, long First, long Dictionary);
}
