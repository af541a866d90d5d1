using CsCheck;
using DuckDB.NET.Data;
using TraceReplay.Ingest.Dataset.ParquetDecoding;
using TraceReplay.Ingest.Tests.ParquetEncoding;
using Xunit;

namespace TraceReplay.Ingest.Tests.ParquetDecoding;

/// <summary>A file in which nothing was found can be read by Parquet.Net to its end, or is refused by it.</summary>
public sealed class ParquetCheckTests : IDisposable
{
    private const int Magic = 4;

    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(60);

    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Theory]
    [InlineData("uncompressed")]
    [InlineData("zstd")]
    public async Task A_damaged_head_is_never_read_for_ever(string compression)
    {
        string path = Written(compression);
        byte[] whole = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
        Assert.Null(ParquetCheck.Fault(path));
        int footer = BitConverter.ToInt32(whole, whole.Length - Magic - sizeof(int));
        Gen<int> place = Gen.OneOf(Gen.Int[whole.Length - Magic - sizeof(int) - footer, whole.Length - 1], Gen.Int[Magic, whole.Length - 1]);
        (int refused, int read) = (0, 0);
        Gen.Select(place, Gen.Byte, Gen.Bool).Sample(
            (at, value, isCut) =>
            {
                byte[] damaged = [.. whole];
                damaged[at] = value;
                if (isCut && at < whole.Length - Magic - sizeof(int))
                {
                    // A footer that ends in the middle of a number.
                    int length = at - (whole.Length - Magic - sizeof(int) - footer);
                    damaged = length <= 0 ? damaged[..at] : [.. whole[..at], .. BitConverter.GetBytes(length), .. "PAR1"u8];
                }

                File.WriteAllBytes(path, damaged);
                if (ParquetCheck.Fault(path) is not null)
                {
                    refused++;
                    return;
                }

                read++;
                Assert.True(Task.Run(() => ReadByLibrary(path)).Wait(s_long), $"read for ever: byte {at} is {value}");
            },
            iter: 1500,
            threads: 1);
        Assert.True(refused > 100 && read > 100, $"{refused} refused, {read} read");
    }

    [Fact]
    public void Claims_of_many_rows_are_refused()
    {
        string path = Path.Combine(_work, "many.parquet");
        Execute($"COPY (SELECT 7 AS value FROM range(20000000)) TO '{path}' (FORMAT parquet, ROW_GROUP_SIZE 20000000)");
        Assert.Equal("a row group of rows that cannot be", ParquetCheck.Fault(path));
    }

    private string Written(string compression)
    {
        string path = Path.Combine(_work, "table.parquet");
        Execute($"COPY (SELECT i AS seq, i % 7 AS few, 'text ' || i % 50 AS name, nullif(i % 3, 0) AS holes, i % 2 = 0 AS flag FROM range(3000) t(i)) TO '{path}' (FORMAT parquet, COMPRESSION {compression})");
        return path;
    }

    private static void Execute(string sql)
    {
        using DuckDBConnection connection = new("DataSource=:memory:");
        connection.Open();
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static void ReadByLibrary(string path)
    {
        try
        {
            IndependentReaders.All.First().Read(path);
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            // It says of a damaged file in many ways that it cannot read it.
        }
    }
}
