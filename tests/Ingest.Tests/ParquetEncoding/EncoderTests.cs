using CsCheck;
using ParquetSharp;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Ingest.Dataset.ParquetEncoding;
using Xunit;
using RowGroupWriter = TraceReplay.Ingest.Dataset.ParquetEncoding.RowGroupWriter;

namespace TraceReplay.Ingest.Tests.ParquetEncoding;

public sealed class EncoderTests : IDisposable
{
    private readonly string _work = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;
    private int _files;

    public void Dispose() => Directory.Delete(_work, recursive: true);

    // Blocks have 1,024 rows, pages 16,384, and a page may be a block longer.
    private static readonly Gen<int> s_rows = Gen.OneOf(Of(0, 1, 2, 1023, 1024, 1025, 2049, 16383, 16384, 16385, 17408, 17409), Gen.Int[0, 300], Gen.Int[300, 40_000]);

    [Fact]
    public void Three_readers_find_what_was_written()
    {
        Gen.Select(Gen.Int[0, RandomColumns.Kinds - 1], Gen.Enum<Shape>(), Gen.Enum<Holes>(), s_rows, Of(1000, 1 << 14, 1 << 16), Gen.Int).Sample(
            (kind, shape, holes, rows, groupRows, seed) => Check(kind, shape, holes, rows, groupRows, seed),
            iter: 250);
    }

    /// <summary>Each type in each shape once at a size that has several pages, whatever the random ones choose.</summary>
    [Theory]
    [InlineData(Holes.NotNullable)]
    [InlineData(Holes.Some)]
    public void Every_type_in_every_shape_reads_back(Holes holes)
    {
        for (int kind = 0; kind < RandomColumns.Kinds; kind++)
        {
            foreach (Shape shape in Enum.GetValues<Shape>())
            {
                Check(kind, shape, holes, 18_000, 1 << 16, kind);
            }
        }
    }

    /// <summary>Texts that come as runs are written as if they came one by one.</summary>
    [Fact]
    public void Runs_of_texts_read_back_across_pages()
    {
        Gen.Select(Gen.Int[0, 40].Select(i => i == 0 ? null : $"name {i}"), Gen.OneOf(Gen.Int[1, 20], Gen.Int[1, 40_000])).List[1, 30].Sample(
            runs =>
            {
                ParquetColumn column = ParquetColumn.Text("value", nullable: true);
                object?[] values = [.. runs.SelectMany(r => Enumerable.Repeat((object?)r.Item1, r.Item2))];
                string path = Path.Combine(_work, $"{Interlocked.Increment(ref _files)}.parquet");
                using (ParquetFile file = new(path, [column], []))
                {
                    RowGroupWriter group = file.RowGroup(values.Length);
                    TextChunk chunk = group.Texts(column);
                    foreach ((string? text, int rows) in runs)
                    {
                        chunk.Add(text, rows);
                    }

                    group.Complete();
                    file.Complete();
                }

                Assert.Null(IndependentReaders.Difference(values, Assert.Single(IndependentReaders.All.First().Read(path))));
                PageIndexes.Check(path, [values], "runs");
                File.Delete(path);
            },
            iter: 30);
    }

    /// <summary>Texts that are known by numbers make the file that they make one by one, whatever they are.</summary>
    [Fact]
    public void Words_make_the_same_file_as_texts()
    {
        Gen.Select(Gen.Int[1, 300], Gen.OneOf(Gen.Int[0, 300], Gen.Int[300, 40_000]), Gen.Int[0, 3], Gen.Bool, Gen.Int).Sample(
            (words, rows, runs, nullable, seed) =>
            {
                Random random = new(seed);
                string?[] texts = [.. Enumerable.Range(0, words).Select(i => nullable && i % 5 == 2 ? null : $"word {i % 250}")];
                WordColumn byNumber = new("value", nullable, code => texts[code]);
                StringColumn oneByOne = new("value", nullable);
                string one = Path.Combine(_work, $"{Interlocked.Increment(ref _files)}.parquet");
                string other = Path.Combine(_work, $"{Interlocked.Increment(ref _files)}.parquet");
                using (TableWriter first = new(one, [byNumber], 1 << 15))
                using (TableWriter second = new(other, [oneByOne], 1 << 15))
                {
                    int word = 0;
                    for (int i = 0; i < rows; i++)
                    {
                        word = random.Next(1 << (3 * runs)) == 0 ? random.Next(words) : word;
                        byNumber.Add(word);
                        oneByOne.Add(texts[word]);
                        first.EndRow();
                        second.EndRow();
                    }

                    first.Complete();
                    second.Complete();
                }

                Assert.Equal(File.ReadAllBytes(other), File.ReadAllBytes(one));
                File.Delete(one);
                File.Delete(other);
            },
            iter: 100);
    }

    [Fact]
    public void A_text_that_is_the_same_in_every_row_makes_the_same_file()
    {
        SameTextColumn same = new("value", "text");
        StringColumn texts = new("value", nullable: false);
        (string one, string other) = (Path.Combine(_work, "same.parquet"), Path.Combine(_work, "texts.parquet"));
        using (TableWriter first = new(one, [same], 1 << 15))
        using (TableWriter second = new(other, [texts], 1 << 15))
        {
            for (int i = 0; i < 40_000; i++)
            {
                same.Add();
                texts.Add("text");
                first.EndRow();
                second.EndRow();
            }

            first.Complete();
            second.Complete();
        }

        Assert.Equal(File.ReadAllBytes(other), File.ReadAllBytes(one));
    }

    private void Check(int kind, Shape shape, Holes holes, int rows, int groupRows, int seed)
    {
        TestColumn column = RandomColumns.Make(kind, shape, holes, rows, new Random(seed));
        string path = Write(column, groupRows);
        string about = $"kind {kind}, {shape}, {holes}, {rows} rows, seed {seed}";
        foreach ((string reader, Func<string, IReadOnlyList<object?[]>> read) in IndependentReaders.All)
        {
            string? difference = IndependentReaders.Difference(column.Values, Assert.Single(read(path)));
            Assert.True(difference is null, $"{reader}: {about}: {difference}");
        }

        CheckStatistics(path, column.Values, about);
        PageIndexes.Check(path, [column.Values], about);
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

    private static void CheckStatistics(string path, object?[] values, string about)
    {
        using ParquetFileReader reader = new(path);
        int first = 0;
        for (int g = 0; g < reader.FileMetaData.NumRowGroups; g++)
        {
            using RowGroupReader group = reader.RowGroup(g);
            object?[] rows = values[first..(first + (int)group.MetaData.NumRows)];
            first += rows.Length;
            object[] known = [.. rows.OfType<object>()];
            Statistics statistics = group.MetaData.GetColumnChunkMetaData(0).Statistics!;
            Assert.Equal(rows.Length - known.Length, statistics.NullCount);

            // A long text is told only if it is no bound.
            if (!known.Any(v => v is string { Length: > 250 }))
            {
                bool tells = known.Length > 0 && !known.Any(v => v is float.NaN or double.NaN);
                Assert.True(statistics.HasMinMax == tells, $"{about}: bounds are told: {statistics.HasMinMax}");
            }
        }
    }

    private static Gen<int> Of(params int[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);
}
