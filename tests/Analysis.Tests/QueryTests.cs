using System.Globalization;
using System.Text;
using System.Text.Json;
using TraceReplay.Analysis.Query;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests;

public class QueryTests
{
    private const string AllTypes = """
        SELECT 18446744073709551615::UBIGINT AS u, -5::INTEGER AS i, 'a"b,c' AS s, '\x00\xff'::BLOB AS b, [1, NULL, 3] AS l,
               NULL::INTEGER AS n, '' AS e, true AS t, 170141183460469231731687303715884105727::HUGEINT AS h, DATE '2026-01-02' AS d, 0.5::DOUBLE AS f
        """;

    [Fact]
    public void Csv_keeps_null_and_the_empty_string_apart_and_loses_no_digit() => Assert.Equal(
        "u,i,s,b,l,n,e,t,h,d,f\n18446744073709551615,-5,\"a\"\"b,c\",00ff,\"[1, NULL, 3]\",,\"\",true,170141183460469231731687303715884105727,2026-01-02,0.5\n",
        Printed(AllTypes, RowFormat.Csv));

    [Fact]
    public void Json_is_one_array_with_an_object_a_line_and_all_digits()
    {
        string json = Printed(AllTypes + " UNION ALL " + AllTypes, RowFormat.Json);
        Assert.Equal(4, json.TrimEnd().Split('\n').Length);
        using var parsed = JsonDocument.Parse(json);
        JsonElement row = parsed.RootElement[1];
        Assert.Equal(ulong.MaxValue, row.GetProperty("u").GetUInt64());
        Assert.Equal("00ff", row.GetProperty("b").GetString());
        Assert.Equal("170141183460469231731687303715884105727", row.GetProperty("h").GetRawText());
        Assert.Equal(JsonValueKind.Null, row.GetProperty("n").ValueKind);
        Assert.Equal("[1,null,3]", row.GetProperty("l").GetRawText());
    }

    [Fact]
    public void Json_of_no_rows_is_an_empty_array() =>
        Assert.Empty(JsonDocument.Parse(Printed("SELECT 1 AS a WHERE false", RowFormat.Json)).RootElement.EnumerateArray());

    [Fact]
    public void A_table_aligns_numbers_right_and_says_NULL() => Assert.Equal(
        """
        name    n
        ----  ---
        ab      1
        NULL  200

        """.ReplaceLineEndings("\n"),
        Printed("SELECT * FROM (VALUES ('ab', 1), (NULL, 200)) v(name, n)", RowFormat.Table));

    private const string TwoRows = "SELECT * FROM (VALUES ('ab', 1), (NULL, 200)) v(name, n)";

    [Fact]
    public void Records_have_a_line_for_each_column() =>
        Assert.Equal("-- row 1 --\nname  ab\nn     1\n-- row 2 --\nname  NULL\nn     200\n", Printed(TwoRows, RowFormat.Records));

    /// <summary>The table takes 9 columns.</summary>
    [Theory]
    [InlineData(8, true)]
    [InlineData(9, false)]
    public void A_table_that_is_wider_than_the_terminal_comes_as_records(int columns, bool records)
    {
        using DatasetSession session = DatasetSession.WithoutDataset();
        using var output = new StringWriter { NewLine = "\n" };
        QueryRunner.Print(session, TwoRows, new Dictionary<string, string>(), RowFormat.Table, output, CancellationToken.None, columns);
        Assert.Equal(Printed(TwoRows, records ? RowFormat.Records : RowFormat.Table), output.ToString());
    }

    /// <summary>Behind some thousand rows another thread reads ahead: in blocks, so ends within one, at one's end and just behind are tried.</summary>
    [Theory]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(4097)]
    [InlineData(4096 + 512)]
    [InlineData(4096 + 513)]
    [InlineData(4096 + (512 * 9))]
    [InlineData(100_000)]
    public void A_long_result_is_the_same_rows_in_the_same_order(int rows)
    {
        string sql = $"SELECT i, if(i % 3 = 0, NULL, -i)::INTEGER AS n, if(i % 5 = 0, NULL, 'a,' || i) AS s, i / 4 AS d, i % 2 = 0 AS b FROM range({rows}) r(i) ORDER BY i";
        var expected = new StringBuilder("i,n,s,d,b\n");
        for (int i = 0; i < rows; i++)
        {
            expected.Append(CultureInfo.InvariantCulture, $"{i},{(i % 3 == 0 ? "" : -i)},{(i % 5 == 0 ? "" : $"\"a,{i}\"")},{i / 4.0},{(i % 2 == 0 ? "true" : "false")}\n");
        }

        Assert.Equal(expected.ToString(), Printed(sql, RowFormat.Csv));
        JsonElement json = JsonDocument.Parse(Printed(sql, RowFormat.Json)).RootElement;
        Assert.Equal(rows, json.GetArrayLength());
        Assert.Equal(rows - 1, json[rows - 1].GetProperty("i").GetInt32());
    }

    [Fact]
    public void What_fails_in_the_middle_of_a_long_result_fails_behind_the_rows_before()
    {
        using DatasetSession session = DatasetSession.WithoutDataset();
        using var output = new StringWriter { NewLine = "\n" };
        AnalysisException failed = Assert.Throws<AnalysisException>(() => QueryRunner.Print(
            session, "SET threads = 1; SELECT if(i = 300000, error('no more'), i)::BIGINT AS i FROM range(400000) r(i)", new Dictionary<string, string>(), RowFormat.Csv, output, CancellationToken.None));
        Assert.Contains("no more", failed.Message, StringComparison.Ordinal);
        string[] lines = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

        // DuckDB itself drops what it had ready, up to a megabyte.
        Assert.InRange(lines.Length, 100_000, 300_001);
        Assert.Equal(Enumerable.Range(0, lines.Length - 1).Select(i => i.ToString(CultureInfo.InvariantCulture)), lines.Skip(1));
    }

    [Fact]
    public void Where_nobody_takes_the_rest_reading_ends()
    {
        using DatasetSession session = DatasetSession.WithoutDataset();
        using var output = new FullWriter(lines: 10_000);
        Assert.Throws<IOException>(() => QueryRunner.Print(session, "SELECT i FROM range(1000000000000) r(i)", new Dictionary<string, string>(), RowFormat.Csv, output, CancellationToken.None));

        // The session is as good as before.
        Assert.Equal([1], session.Select("SELECT 1", r => r.GetInt32(0)));
    }

    /// <summary>Which of DuckDB's threads fails first decides what its message begins with.</summary>
    [Fact]
    public void What_needs_more_memory_than_there_is_says_so_whichever_thread_finds_out()
    {
        for (int i = 0; i < 20; i++)
        {
            using DatasetSession session = DatasetSession.WithoutDataset();
            AnalysisException failed = Assert.Throws<AnalysisException>(() => QueryRunner.Print(
                session, "SET threads = 2; SET memory_limit = '24MiB'; SELECT * FROM (SELECT i % 7 AS k, list(i::VARCHAR || 'xxxxxxxxxxxxxxxx') AS l FROM range(2000000) r(i) GROUP BY k) ORDER BY k",
                new Dictionary<string, string>(), RowFormat.Csv, TextWriter.Null, CancellationToken.None));
            Assert.StartsWith("Out of Memory Error: ", failed.Message, StringComparison.Ordinal);
            Assert.Equal(AnalysisFailure.Environment, failed.Failure);
        }
    }

    private sealed class FullWriter(int lines) : StringWriter
    {
        private int _lines;

        public override void Write(char value)
        {
            if (value == '\n' && ++_lines > lines)
            {
                throw new IOException("Broken pipe");
            }

            base.Write(value);
        }
    }

    [Fact]
    public void A_table_of_any_length_streams() =>
        Assert.Equal(5002, Printed("SELECT range AS r FROM range(5000)", RowFormat.Table).TrimEnd().Split('\n').Length);

    [Fact]
    public void What_goes_wrong_behind_printed_rows_is_said()
    {
        using DatasetSession session = DatasetSession.WithoutDataset();
        using StringWriter output = new();
        AnalysisException wrong = Assert.Throws<AnalysisException>(() => QueryRunner.Print(
            session, "SELECT if(range < 900000, range, error('late')) AS r FROM range(1000000)", new Dictionary<string, string>(), RowFormat.Csv, output, CancellationToken.None));
        Assert.Contains("late", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_statement_that_needs_more_memory_than_is_kept_for_one_gets_it()
    {
        // 1.6 GB of lists, which cannot go on in files.
        using DatasetSession session = DatasetSession.WithoutDataset();
        using StringWriter output = new();
        QueryRunner.Print(session, "SELECT sum(len(l)) AS n FROM (SELECT list(range) AS l FROM range(100000000))", new Dictionary<string, string>(), RowFormat.Csv, output, CancellationToken.None);
        Assert.Equal("n\n100000000\n", output.ToString());
    }

    [Fact]
    public void A_table_lets_no_control_character_of_a_trace_reach_the_terminal() =>
        Assert.DoesNotContain('\x1b', Printed("SELECT chr(27) || '[31m' AS comm", RowFormat.Table));

    [Theory]
    [InlineData("SELECT u FROM v WHERE u = $k", "18446744073709551615", "18446744073709551615")]
    [InlineData("SELECT s FROM v WHERE s = $k", "it's \"quoted\"; DROP VIEW v", "it's \"quoted\"; DROP VIEW v")]
    [InlineData("SELECT s FROM v WHERE s = $k", "1234567890123456", "")]
    [InlineData("SELECT s FROM v LIMIT $k", "0", "")]
    public void Parameters_are_bound_not_pasted(string sql, string value, string expected)
    {
        using var data = new FakeDataset();
        using DatasetSession session = data.Open();
        const string Rows = "WITH v AS (SELECT 18446744073709551615::UBIGINT AS u, 'it''s \"quoted\"; DROP VIEW v' AS s) ";
        var output = new StringWriter();
        QueryRunner.Print(session, Rows + sql, new Dictionary<string, string> { ["k"] = value }, RowFormat.Table, output, CancellationToken.None);
        Assert.Equal(expected, string.Join('\n', output.ToString().TrimEnd().Split('\n').Skip(2)));
    }

    [Theory]
    [InlineData("SELEC 1")]
    [InlineData("SELECT * FROM no_such_view")]
    [InlineData("SELECT $missing")]
    public void Wrong_SQL_is_the_users_in_one_line(string sql)
    {
        AnalysisException wrong = Assert.Throws<AnalysisException>(() => Printed(sql, RowFormat.Csv));
        Assert.Equal(AnalysisFailure.Usage, wrong.Failure);
        Assert.DoesNotContain('\n', wrong.Message);
    }

    [Fact]
    public void Parquet_appears_whole_or_not_at_all()
    {
        using var data = new FakeDataset();
        using DatasetSession session = data.Open();
        string file = Path.Combine(data.Root, "out.parquet");
        var parameters = new Dictionary<string, string> { ["k"] = "7" };
        QueryRunner.CopyToParquet(session, "SELECT range AS r FROM range(10) WHERE range = $k -- seven", parameters, file, CancellationToken.None);
        Assert.Equal([7L], session.Select($"FROM {Sql.Literal(file)}", r => r.GetInt64(0)));

        string never = Path.Combine(data.Root, "never.parquet");
        Assert.Throws<AnalysisException>(() => QueryRunner.CopyToParquet(
            session, "SELECT error('late') FROM range(100000)", new Dictionary<string, string>(), never, CancellationToken.None));
        Assert.Equal(["out.parquet"], Directory.EnumerateFiles(data.Root).Select(Path.GetFileName));
    }

    [Fact]
    public void Cancellation_stops_a_running_query()
    {
        using var data = new FakeDataset();
        using DatasetSession session = data.Open();
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        Assert.Throws<OperationCanceledException>(() => QueryRunner.Print(
            session, "SELECT count(*) FROM range(100000000000) a WHERE hash(a.range) = 1", new Dictionary<string, string>(), RowFormat.Csv, TextWriter.Null, stop.Token));
    }

    private static string Printed(string sql, RowFormat format)
    {
        using var data = new FakeDataset();
        using DatasetSession session = data.Open();
        var output = new StringWriter();
        QueryRunner.Print(session, sql, new Dictionary<string, string>(), format, output, CancellationToken.None);
        return output.ToString();
    }
}
