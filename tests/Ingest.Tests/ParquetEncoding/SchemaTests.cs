using DuckDB.NET.Data;
using Parquet;
using Parquet.Schema;
using TraceReplay.Ingest.Dataset;
using Xunit;

namespace TraceReplay.Ingest.Tests.ParquetEncoding;

/// <summary>
/// Columns are described as Parquet.Net describes them, which wrote the tables of earlier versions: compaction folds files of one
/// schema, and would keep those of both apart if an annotation differed.
/// </summary>
public sealed class SchemaTests : IDisposable
{
    private static readonly Type[] s_types =
    [
        typeof(sbyte), typeof(byte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong), typeof(float), typeof(double), typeof(bool), typeof(string), typeof(byte[]),
    ];

    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_column_is_described_as_earlier_versions_did(bool nullable)
    {
        string ours = Path.Combine(_work, "ours.parquet");
        string theirs = Path.Combine(_work, "theirs.parquet");
        using (TableWriter table = new(ours, [.. s_types.Select((t, i) => Make(t, $"column {i}", nullable))]))
        {
            table.Complete();
        }

        await using (FileStream file = File.Create(theirs))
        {
            await using ParquetWriter writer = await ParquetWriter.CreateAsync(new ParquetSchema(s_types.Select(Field (t, i) => new DataField($"column {i}", t, isNullable: nullable))), file, cancellationToken: TestContext.Current.CancellationToken);
        }

        Assert.Equal(Describe(theirs), Describe(ours));
    }

    private static Column Make(Type type, string name, bool nullable) => type == typeof(string) ? new StringColumn(name, nullable)
        : type == typeof(byte[]) ? new BytesColumn(name, nullable)
        : (Column)Activator.CreateInstance(typeof(Column<>).MakeGenericType(type), name, nullable)!;

    private static List<string> Describe(string path)
    {
        using DuckDBConnection connection = new("DataSource=:memory:");
        connection.Open();
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = $"SELECT concat_ws(' ', name, type, converted_type, logical_type, repetition_type, num_children) FROM parquet_schema('{path}') UNION ALL SELECT concat_ws(' ', column_name, column_type) FROM (DESCRIBE FROM read_parquet('{path}', hive_partitioning = false))";
        using DuckDBDataReader reader = command.ExecuteReader();
        List<string> lines = [];
        while (reader.Read())
        {
            lines.Add(reader.GetString(0));
        }

        Assert.Equal((2 * s_types.Length) + 1, lines.Count);
        return lines;
    }
}
