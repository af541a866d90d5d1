using CsCheck;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Ingest.Dataset.ParquetDecoding;
using TraceReplay.Ingest.Tests.ParquetEncoding;
using Xunit;

namespace TraceReplay.Ingest.Tests.ParquetDecoding;

/// <summary>Our reader finds in a file of our encoder what Parquet.Net finds, and nothing in a file makes it throw.</summary>
public sealed class NumberFileTests : IDisposable
{
    private const long Missing = -77;

    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;
    private int _files;

    private static readonly Gen<int> s_rows = Gen.OneOf(Of(0, 1, 2, 127, 128, 129, 1023, 1024, 1025, 2049, 16384, 16385, 17408, 17409), Gen.Int[0, 300], Gen.Int[300, 40_000]);

    public void Dispose() => Directory.Delete(_work, recursive: true);

    [Fact]
    public void It_reads_what_Parquet_Net_reads()
    {
        Gen.Select(Gen.Int[0, RandomColumns.Kinds - 1], Gen.Enum<Shape>(), Gen.Enum<Holes>(), s_rows, Of(1000, 1 << 14, 1 << 16), Gen.Int).Sample(
            (kind, shape, holes, rows, groupRows, seed) => Check(kind, shape, holes, rows, groupRows, seed),
            iter: 250);
    }

    /// <summary>Each type in each shape once at a size that has several pages, whatever the random ones choose.</summary>
    [Theory]
    [InlineData(Holes.NotNullable)]
    [InlineData(Holes.Some)]
    public void It_reads_every_type_in_every_shape(Holes holes)
    {
        for (int kind = 0; kind < RandomColumns.Kinds; kind++)
        {
            foreach (Shape shape in Enum.GetValues<Shape>())
            {
                Check(kind, shape, holes, 18_000, 1 << 16, kind);
            }
        }
    }

    [Fact]
    public void A_damaged_file_reads_the_same_as_by_Parquet_Net_or_not_at_all()
    {
        Gen.Select(Gen.Int[0, 7], Gen.Enum<Shape>(), Gen.Enum<Holes>(), Gen.Int[1, 3000], Gen.Int).Sample(
            (kind, shape, holes, rows, seed) =>
            {
                Random random = new(seed);
                string path = Write(RandomColumns.Make(kind, shape, holes, rows, random), 1000);
                byte[] whole = File.ReadAllBytes(path);
                for (int i = 0; i < 40; i++)
                {
                    byte[] damaged = random.Next(8) == 0 ? whole[..random.Next(whole.Length)] : Flip(whole, random);
                    File.WriteAllBytes(path, damaged);
                    if (ReadAll(path, random) is { } values && ReadByLibrary(path) is { } others)
                    {
                        Assert.Equal(others, values);
                    }
                }

                File.Delete(path);
            },
            iter: 60);
    }

    /// <summary>Bytes that are no Parquet at all between the magic numbers, and lengths that lie.</summary>
    [Fact]
    public void Noise_is_no_file_of_ours()
    {
        string path = Path.Combine(_work, "noise.parquet");
        Gen.Byte.Array[0, 400].Sample(
            noise =>
            {
                File.WriteAllBytes(path, [.. "PAR1"u8, .. noise, .. BitConverter.GetBytes(noise.Length), .. "PAR1"u8]);
                Assert.Null(NumberFile.TryOpen(path));
            },
            iter: 2000,
            threads: 1);
        foreach (int length in (int[])[0, -1, int.MinValue, int.MaxValue, 13, 5])
        {
            File.WriteAllBytes(path, [.. "PAR1"u8, 1, .. BitConverter.GetBytes(length), .. "PAR1"u8]);
            Assert.Null(NumberFile.TryOpen(path));
        }

        Assert.Null(NumberFile.TryOpen(Path.Combine(_work, "nowhere.parquet")));
    }

    private void Check(int kind, Shape shape, Holes holes, int rows, int groupRows, int seed)
    {
        TestColumn column = RandomColumns.Make(kind, shape, holes, rows, new Random(seed));
        string path = Write(column, groupRows);
        string about = $"kind {kind}, {shape}, {holes}, {rows} rows, seed {seed}";
        long?[]? values = ReadAll(path, new Random(seed));
        if (column.Column is Column<float> or Column<double> or StringColumn or BytesColumn)
        {
            Assert.True(values is null, $"{about}: read as integers");
        }
        else
        {
            Assert.True(values is not null, $"{about}: not read");
            Assert.Equal(ReadByLibrary(path), values);
        }

        File.Delete(path);
    }

    private string Write(TestColumn column, int groupRows)
    {
        string path = Path.Combine(_work, $"{Interlocked.Increment(ref _files)}.parquet");
        using TableWriter table = new(path, [column.Column], groupRows);
        foreach (object? value in column.Values)
        {
            column.Add(value);
            table.EndRow();
        }

        table.Complete();
        return path;
    }

    /// <summary>Reads the column in pieces of any size.</summary>
    private static long?[]? ReadAll(string path, Random random)
    {
        using NumberFile? file = NumberFile.TryOpen(path);
        if (file is null || file.FindInteger("value") < 0)
        {
            return null;
        }

        using NumberReader reader = file.Read(file.FindInteger("value"));
        List<long?> all = [];
        long[] values = new long[3000];
        bool[] unknown = new bool[3000];
        for (int group = 0; group < file.RowGroups; group++)
        {
            if (!reader.TryBegin(group))
            {
                return null;
            }

            // A damaged footer may say anything, and rows are room here.
            for (int left = Math.Min(file.Rows(group), 1 << 20); left > 0;)
            {
                int rows = Math.Min(left, random.Next(4) == 0 ? random.Next(1, 5) : random.Next(1, values.Length));
                if (!reader.TryRead(values.AsSpan(0, rows), reader.IsNullable ? unknown.AsSpan(0, rows) : default, Missing))
                {
                    return null;
                }

                for (int i = 0; i < rows; i++)
                {
                    bool known = !reader.IsNullable || !unknown[i];
                    Assert.True(known || values[i] == Missing);
                    all.Add(known ? values[i] : null);
                }

                left -= rows;
            }
        }

        return [.. all];
    }

    private static long?[]? ReadByLibrary(string path)
    {
        try
        {
            object?[] values = Assert.Single(IndependentReaders.All.First().Read(path));
            return [.. values.Select(Widened)];
        }
        catch (Exception e) when (e is not Xunit.Sdk.XunitException)
        {
            // It says of a damaged file in many ways that it cannot read it.
            return null;
        }
    }

    private static long? Widened(object? value) => value switch
    {
        null => null,
        bool b => b ? 1 : 0,
        ulong u => (long)u,
        _ => Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture),
    };

    private static Gen<int> Of(params int[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static byte[] Flip(byte[] whole, Random random)
    {
        byte[] damaged = [.. whole];
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
        }

        return damaged;
    }
}
