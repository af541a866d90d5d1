using System.Globalization;
using DuckDB.NET.Data;
using ParquetSharp;
using TraceReplay.TraceCmdCompare;

namespace TraceReplay.Ingest.Tests.ParquetEncoding;

/// <summary>What three readers that know nothing of the writer find in a file: column by column, in the order of the rows.</summary>
internal static class IndependentReaders
{
    public static IEnumerable<(string Reader, Func<string, IReadOnlyList<object?[]>> Read)> All =>
        [("Parquet.Net", ParquetNet), ("DuckDB", DuckDb), ("Arrow", Arrow)];

    /// <returns>null, or where the two first differ.</returns>
    public static string? Difference(object?[] expected, object?[] found)
    {
        if (expected.Length != found.Length)
        {
            return $"{found.Length} rows, expected {expected.Length}";
        }

        for (int i = 0; i < expected.Length; i++)
        {
            if (!Same(expected[i], found[i]))
            {
                return string.Create(CultureInfo.InvariantCulture, $"row {i} is {found[i] ?? "NULL"} ({found[i]?.GetType().Name}), expected {expected[i] ?? "NULL"} ({expected[i]?.GetType().Name})");
            }
        }

        return null;
    }

    private static bool Same(object? a, object? b) => (a, b) switch
    {
        (byte[] x, byte[] y) => x.AsSpan().SequenceEqual(y),

        // By their bits: 0 is not -0, NaN is NaN.
        (float x, float y) => BitConverter.SingleToInt32Bits(x) == BitConverter.SingleToInt32Bits(y),
        (double x, double y) => BitConverter.DoubleToInt64Bits(x) == BitConverter.DoubleToInt64Bits(y),
        _ => Equals(a, b),
    };

    private static List<object?[]> ParquetNet(string path)
    {
        using TableRows rows = new(path);
        string[] names = [.. rows.Columns];
        List<object?>[] columns = [.. names.Select(_ => new List<object?>())];
        while (rows.Next())
        {
            for (int c = 0; c < names.Length; c++)
            {
                columns[c].Add(rows[names[c]]);
            }
        }

        return [.. columns.Select(c => c.ToArray())];
    }

    private static List<object?[]> DuckDb(string path)
    {
        using DuckDBConnection connection = new("DataSource=:memory:");
        connection.Open();
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = $"FROM read_parquet('{path.Replace("'", "''", StringComparison.Ordinal)}', hive_partitioning = false)";
        using DuckDBDataReader reader = command.ExecuteReader();
        List<object?>[] columns = [.. Enumerable.Range(0, reader.FieldCount).Select(_ => new List<object?>())];
        while (reader.Read())
        {
            for (int c = 0; c < columns.Length; c++)
            {
                columns[c].Add(reader.IsDBNull(c) ? null : reader.GetValue(c) is Stream bytes ? All(bytes) : reader.GetValue(c));
            }
        }

        return [.. columns.Select(c => c.ToArray())];

        static byte[] All(Stream stream)
        {
            using MemoryStream copy = new();
            stream.CopyTo(copy);
            return copy.ToArray();
        }
    }

    private static List<object?[]> Arrow(string path)
    {
        using ParquetFileReader reader = new(path);
        List<object?[]> columns = [];
        for (int c = 0; c < reader.FileMetaData.NumColumns; c++)
        {
            List<object?> values = [];
            for (int g = 0; g < reader.FileMetaData.NumRowGroups; g++)
            {
                using RowGroupReader group = reader.RowGroup(g);
                using LogicalColumnReader column = group.Column(c).LogicalReader();
                values.AddRange(column.Apply(new Everything((int)group.MetaData.NumRows)));
            }

            columns.Add([.. values]);
        }

        return columns;
    }

    private sealed class Everything(int rows) : ILogicalColumnReaderVisitor<IEnumerable<object?>>
    {
        public IEnumerable<object?> OnLogicalColumnReader<TElement>(LogicalColumnReader<TElement> columnReader) => columnReader.ReadAll(rows).Cast<object?>();
    }
}
