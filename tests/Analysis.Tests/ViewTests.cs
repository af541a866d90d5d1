using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;
using Xunit;

namespace TraceReplay.Analysis.Tests;

public class ViewTests
{
    private const string A = "aaaaaaaaaaaaaaaa";
    private const string B = "bbbbbbbbbbbbbbbb";

    [Theory]
    [InlineData(new[] { "kvm.kvm_exit" }, new[] { "kvm_exit" })]
    [InlineData(new[] { "a.x", "b.x" }, new[] { "a_x", "b_x" })]
    [InlineData(new[] { "a.x", "b.X" }, new[] { "a_x", "b_X" })]
    [InlineData(new[] { "probe.faults" }, new[] { "probe_faults" })]
    [InlineData(new[] { "ftrace.function", "ftrace.print" }, new[] { "ftrace_function", "print" })]
    [InlineData(new[] { "a.x", "b.a_x", "c.x" }, new[] { "a.x", "a_x", "c_x" })]
    public void Events_keep_the_kernels_name_unless_it_is_not_theirs_alone(string[] folders, string[] views)
    {
        var ours = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "faults", "traces" };
        Assert.Equal(views, ViewCatalog.NameEvents(folders, ours).Select(v => v.View));
    }

    [Fact]
    public void Rows_of_a_trace_without_manifest_are_hidden_from_every_view()
    {
        using var data = new FakeDataset();
        data.Manifest(A)
            .Event("kvm.kvm_exit", A, $"SELECT '{A}' AS trace_id, 1::BIGINT AS seq")
            .Event("kvm.kvm_exit", B, $"SELECT '{B}' AS trace_id, 1::BIGINT AS seq")
            .Result("faults", B, $"SELECT '{B}' AS trace_id, 1::BIGINT AS fault_id")
            .Parquet("traces/lost_events", B, $"SELECT '{B}' AS trace_id, 5::BIGINT AS count");
        using DatasetSession session = data.Open();
        Assert.Equal([A], session.Select("SELECT trace_id FROM kvm_exit", r => r.GetString(0)));
        Assert.Empty(session.Select("SELECT trace_id FROM faults", r => r.GetString(0)));
        Assert.Empty(session.Select("SELECT trace_id FROM lost_events", r => r.GetString(0)));
        Assert.Equal([A], session.Select("SELECT DISTINCT trace_id FROM event_counts", r => r.GetString(0)));
    }

    [Fact]
    public void An_empty_dataset_has_every_table_of_ours_with_its_columns_and_types()
    {
        using var data = new FakeDataset();
        using DatasetSession session = data.Open();
        foreach (TableSchema table in (TableSchema[])[Tables.Traces, Tables.LostEvents, Tables.ProbeSites, Tables.EventCounts, .. Tables.Results])
        {
            IReadOnlyList<Column> shown = session.Select($"DESCRIBE {table.Name}", r => new Column(r.GetString(0), r.GetString(1)));
            Assert.Equal(table.Columns, shown);
        }
    }

    [Fact]
    public void A_result_view_adds_the_columns_that_the_files_lack_and_keeps_those_they_have_more()
    {
        using var data = new FakeDataset();
        data.Manifest(A).Result("faults", A, $"SELECT '{A}' AS trace_id, 7::BIGINT AS fault_id, 18446612682588476656::UBIGINT AS gpa, 1 AS extra");
        using DatasetSession session = data.Open();
        (ulong Gpa, bool NoOutcome, int Extra, string Host) row = session.Select(
            "SELECT gpa, observed_outcome IS NULL, extra, host FROM faults", r => ((ulong)r.GetValue(0), r.GetBoolean(1), r.GetInt32(2), r.GetString(3)))[0];
        Assert.Equal((18446612682588476656UL, true, 1, "h one"), row);
    }

    [Fact]
    public void An_event_that_queries_know_is_there_empty_or_from_every_system_that_has_one_of_its_name()
    {
        using var data = new FakeDataset();
        data.Manifest(A).Manifest(B)
            .Event("mine.ttm_move", A, $"SELECT '{A}' AS trace_id, 1::UBIGINT AS bo")
            .Event("theirs.ttm_move", B, $"SELECT '{B}' AS trace_id, 2::UBIGINT AS bo");
        using DatasetSession session = data.Open();
        Assert.Equal([1UL, 2UL], session.Select("SELECT bo FROM ttm_move ORDER BY bo", r => (ulong)r.GetValue(0)));
        Assert.Equal([2UL], session.Select("SELECT bo FROM theirs_ttm_move", r => (ulong)r.GetValue(0)));
        Assert.Empty(session.Select("SELECT gfn, old_spte FROM kvm_tdp_mmu_spte_changed", r => 0));
        Assert.Equal("UBIGINT, UINTEGER, SMALLINT", session.Select(
            "SELECT string_agg(column_type, ', ' ORDER BY column_name) FROM (DESCRIBE faultin) WHERE column_name IN ('gfn', 'slot_flags', 'slot_id')", r => r.GetString(0))[0]);
    }

    [Fact]
    public void Kernels_that_record_other_fields_share_a_view()
    {
        using var data = new FakeDataset();
        data.Manifest(A).Manifest(B)
            .Event("kvmmmu.fast_page_fault", A, $"SELECT '{A}' AS trace_id, 4294967295::UINTEGER AS error_code")
            .Event("kvmmmu.fast_page_fault", B, $"SELECT '{B}' AS trace_id, 18446744073709551615::UBIGINT AS error_code, 3::INTEGER AS newer");
        using DatasetSession session = data.Open();
        Assert.Equal(
            [(4294967295UL, null), (18446744073709551615UL, 3)],
            session.Select("SELECT error_code, newer FROM fast_page_fault ORDER BY trace_id", r => ((ulong)r.GetValue(0), r.IsDBNull(1) ? (int?)null : r.GetInt32(1))));
    }

    [Theory]
    [InlineData("with space")]
    [InlineData("o'clock")]
    [InlineData("[ab]*?")]
    [InlineData("a,b")]
    public void A_dataset_may_lie_anywhere(string name)
    {
        using var data = new FakeDataset(name);
        data.Manifest(A).Event("kvm.kvm_exit", A, $"SELECT '{A}' AS trace_id");
        using DatasetSession session = data.Open();
        Assert.Equal([A], session.Select("SELECT trace_id FROM kvm_exit JOIN traces USING (trace_id)", r => r.GetString(0)));
    }

    [Fact]
    public void Stock_DuckDB_has_the_same_views_from_views_sql()
    {
        using var data = new FakeDataset();
        data.Manifest(A)
            .Event("kvm.kvm_exit", A, $"SELECT '{A}' AS trace_id, 9::BIGINT AS seq")
            .Event("odd.show-all", A, $"SELECT '{A}' AS trace_id")
            .Result("faults", A, $"SELECT '{A}' AS trace_id, 7::BIGINT AS fault_id");
        Assert.True(ViewsFile.Write(data.Root));
        Assert.False(ViewsFile.Write(data.Root));

        using DuckDBConnection stock = data.Stock();
        using DuckDBCommand command = stock.CreateCommand();
        command.CommandText = "SELECT (SELECT max(seq) FROM kvm_exit) + (SELECT max(fault_id) FROM faults) + (SELECT count(*) FROM \"show-all\") + (SELECT count(*) FROM traces)";
        Assert.Equal("18", command.ExecuteScalar()?.ToString());

        // The queries rest on it as much as on the views.
        command.CommandText = "SELECT current_setting('asof_loop_join_threshold')";
        Assert.Equal("0", command.ExecuteScalar()?.ToString());

        using DatasetSession ours = data.Open();
        const string Names = "SELECT view_name FROM duckdb_views() WHERE NOT internal UNION ALL SELECT table_name FROM duckdb_tables() ORDER BY 1";
        command.CommandText = Names;
        using DuckDBDataReader reader = command.ExecuteReader();
        var names = new List<string>();
        while (reader.Read())
        {
            names.Add(reader.GetString(0));
        }

        Assert.Equal(ours.Select(Names, r => r.GetString(0)), names);
    }

    /// <summary>A copy elsewhere, asked from anywhere: what an object store is to DuckDB, but for the protocol.</summary>
    [Fact]
    public void Views_can_be_printed_for_a_copy_that_lies_elsewhere()
    {
        using var data = new FakeDataset();
        data.Manifest("a").Event("kvm.kvm_exit", "a", "SELECT 'a' AS trace_id, range AS seq FROM range(3)").Result("faults", "a", "SELECT 'a' AS trace_id, 1::BIGINT AS fault_id");
        string copy = Path.Combine(Path.GetDirectoryName(data.Root)!, "it's a [copy]");
        string sql = ViewsFile.At(data.Root, copy + "/");
        Directory.Move(data.Root, copy);
        using (DuckDBConnection stock = new("DataSource=:memory:"))
        {
            stock.Open();
            using DuckDBCommand command = stock.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
            command.CommandText = "SELECT (SELECT count(*) FROM kvm_exit) + 10 * (SELECT count(*) FROM faults) + 100 * (SELECT count(*) FROM traces)";
            Assert.Equal(113L, command.ExecuteScalar());
        }

        Directory.Move(copy, data.Root);
        Assert.Contains("'s3://bucket/night/", ViewsFile.At(data.Root, "s3://bucket/night"), StringComparison.Ordinal);
        Assert.Contains("an address, expected a directory", Assert.Throws<AnalysisException>(() => DatasetSession.Open("s3://bucket/night")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_that_is_no_dataset_is_refused_in_one_line()
    {
        string empty = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;
        AnalysisException refused = Assert.Throws<AnalysisException>(() => DatasetSession.Open(empty));
        Assert.Equal(AnalysisFailure.Input, refused.Failure);
        Assert.DoesNotContain('\n', refused.Message);
        Assert.StartsWith(empty + ": found no traces/manifests", refused.Message, StringComparison.Ordinal);
        Assert.Throws<AnalysisException>(() => DatasetSession.Open(empty + "/missing"));
        Directory.Delete(empty);
    }

    [Fact]
    public void Opening_does_not_read_the_event_files()
    {
        using var data = new FakeDataset();
        data.Manifest(A).Event("kvm.kvm_exit", A, $"SELECT '{A}' AS trace_id").Event("kvm.kvm_entry", A, $"SELECT '{A}' AS trace_id");
        string damaged = Directory.EnumerateFiles(Path.Combine(data.Root, "events", "kvm.kvm_exit"), "*.parquet", SearchOption.AllDirectories).Single();
        File.WriteAllText(damaged, "not parquet");
        using DatasetSession session = data.Open();
        Assert.Equal([A], session.Select("SELECT trace_id FROM kvm_entry", r => r.GetString(0)));
        AnalysisException refused = Assert.Throws<AnalysisException>(() => session.Select("SELECT trace_id FROM kvm_exit", r => r.GetString(0)));
        Assert.Equal(AnalysisFailure.Input, refused.Failure);
        Assert.DoesNotContain('\n', refused.Message);
    }
}
