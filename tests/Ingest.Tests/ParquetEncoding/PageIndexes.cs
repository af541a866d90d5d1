using System.Buffers.Binary;
using System.Text;
using Xunit;

namespace TraceReplay.Ingest.Tests.ParquetEncoding;

/// <summary>
/// Thrift's compact protocol read without knowing what it says: structs as their fields by id. What is needed to check page indexes,
/// which none of the readers shows.
/// </summary>
internal sealed class ThriftReader(byte[] bytes, int at)
{
    public int At { get; private set; } = at;

    public Dictionary<int, object> Struct()
    {
        Dictionary<int, object> fields = [];
        int id = 0;
        while (true)
        {
            int head = bytes[At++];
            if (head == 0)
            {
                return fields;
            }

            id = (head >> 4) == 0 ? (int)Zigzag() : id + (head >> 4);
            fields.Add(id, (head & 15) switch { 1 => true, 2 => false, _ => Value(head & 15) });
        }
    }

    private object Value(int type) => type switch
    {
        1 or 2 => bytes[At++] == 1,
        3 => (long)(sbyte)bytes[At++],
        4 or 5 or 6 => Zigzag(),
        8 => Binary(),
        9 => List(),
        12 => Struct(),
        _ => throw new InvalidDataException($"type {type} at {At}"),
    };

    private List<object> List()
    {
        int head = bytes[At++];
        int count = (head >> 4) == 15 ? (int)Varint() : head >> 4;
        return [.. Enumerable.Range(0, count).Select(_ => Value(head & 15))];
    }

    private byte[] Binary()
    {
        int length = (int)Varint();
        At += length;
        return bytes[(At - length)..At];
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            value |= (ulong)(bytes[At] & 0x7f) << shift;
            if (bytes[At++] < 0x80)
            {
                return value;
            }
        }
    }

    private long Zigzag()
    {
        ulong value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }
}

internal static class PageIndexes
{
    /// <summary>The fields of the footer.</summary>
    public static Dictionary<int, object> Footer(byte[] file)
    {
        Assert.Equal("PAR1", Encoding.ASCII.GetString(file, 0, 4));
        Assert.Equal("PAR1", Encoding.ASCII.GetString(file, file.Length - 4, 4));
        int length = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(file.Length - 8));
        ThriftReader reader = new(file, file.Length - 8 - length);
        Dictionary<int, object> footer = reader.Struct();
        Assert.Equal(file.Length - 8, reader.At);
        return footer;
    }

    /// <summary>Every page lies where the offset index says, with the rows it says, and the column index bounds them.</summary>
    /// <param name="columns">What the file holds.</param>
    public static void Check(string path, IReadOnlyList<object?[]> columns, string about)
    {
        byte[] file = File.ReadAllBytes(path);
        int first = 0;
        foreach (Dictionary<int, object> group in ((List<object>)Footer(file)[4]).Cast<Dictionary<int, object>>())
        {
            int rows = (int)(long)group[3];
            List<object> chunks = (List<object>)group[1];
            long size = 0;
            for (int c = 0; c < chunks.Count; c++)
            {
                Dictionary<int, object> chunk = (Dictionary<int, object>)chunks[c];
                CheckChunk(file, chunk, columns[c].AsSpan(first, rows), about);
                size += (long)((Dictionary<int, object>)chunk[3])[7];
            }

            Assert.Equal(size, group[6]);
            first += rows;
        }

        Assert.Equal(columns[0].Length, first);
    }

    private static void CheckChunk(byte[] file, Dictionary<int, object> chunk, ReadOnlySpan<object?> values, string about)
    {
        Dictionary<int, object> meta = (Dictionary<int, object>)chunk[3];
        List<object> pages = (List<object>)new ThriftReader(file, (int)(long)chunk[4]).Struct()[1];
        Dictionary<int, object>? index = chunk.TryGetValue(6, out object? at) ? new ThriftReader(file, (int)(long)at).Struct() : null;
        long start = (long)meta[9];
        int row = 0;
        for (int p = 0; p < pages.Count; p++)
        {
            Dictionary<int, object> place = (Dictionary<int, object>)pages[p];
            Assert.Equal(start, place[1]);
            Assert.Equal((long)row, place[3]);
            ThriftReader reader = new(file, (int)start);
            Dictionary<int, object> header = reader.Struct();
            Dictionary<int, object> data = (Dictionary<int, object>)header[5];
            Assert.Equal(start + (long)place[2], reader.At + (long)header[3]);
            Assert.Contains(data[2], (List<object>)meta[2]);
            start += (long)place[2];
            int rows = (int)(long)data[1];
            if (index is not null)
            {
                List<object> nulls = (List<object>)index[5];
                bool none = (bool)((List<object>)index[1])[p];
                CheckBounds(values.Slice(row, rows), (long)nulls[p], none ? null : (byte[])((List<object>)index[2])[p], none ? null : (byte[])((List<object>)index[3])[p], $"{about}: page {p}");
            }

            row += rows;
        }

        Assert.Equal(values.Length, row);
        Dictionary<int, object> statistics = (Dictionary<int, object>)meta[12];
        if (index is not null)
        {
            CheckBounds(values, (long)statistics[3], (byte[]?)statistics.GetValueOrDefault(6), (byte[]?)statistics.GetValueOrDefault(5), about);
        }

        long begin = meta.TryGetValue(11, out object? dictionary) ? (long)dictionary : (long)meta[9];
        Assert.Equal(start, begin + (long)meta[7]);
    }

    private static void CheckBounds(ReadOnlySpan<object?> rows, long nulls, byte[]? min, byte[]? max, string about)
    {
        List<object> known = [];
        foreach (object? value in rows)
        {
            if (value is not null)
            {
                known.Add(value);
            }
        }

        Assert.Equal(rows.Length - known.Count, nulls);
        Assert.Equal(known.Count == 0, min is null);
        if (known.Count > 0)
        {
            byte[] least = Plain(Zero(known.Min(Comparer<object>.Create(Compare))!, negative: true));
            byte[] most = Plain(Zero(known.Max(Comparer<object>.Create(Compare))!, negative: false));
            Assert.True(least.AsSpan().SequenceEqual(min) && most.AsSpan().SequenceEqual(max), $"{about}: {Convert.ToHexString(min!)} to {Convert.ToHexString(max!)}, expected {Convert.ToHexString(least)} to {Convert.ToHexString(most)}");
        }
    }

    // As bounds the zeros are one value: -0 below, 0 above.
    private static object Zero(object value, bool negative) => value switch
    {
        0f => negative ? -0f : 0f,
        0d => negative ? -0d : 0d,
        _ => value,
    };

    private static int Compare(object a, object b) => (a, b) switch
    {
        (string or byte[], _) => Plain(a).AsSpan().SequenceCompareTo(Plain(b)),
        _ => ((IComparable)a).CompareTo(b),
    };

    private static byte[] Plain(object value) => value switch
    {
        string v => Encoding.UTF8.GetBytes(v),
        byte[] v => v,
        bool v => [v ? (byte)1 : (byte)0],
        float v => BitConverter.GetBytes(v),
        double v => BitConverter.GetBytes(v),
        ulong v => BitConverter.GetBytes(v),
        long v => BitConverter.GetBytes(v),
        uint v => BitConverter.GetBytes(v),
        _ => BitConverter.GetBytes(Convert.ToInt32(value, System.Globalization.CultureInfo.InvariantCulture)),
    };
}
