using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;

namespace TraceReplay.Analysis.Tests;

/// <summary>A dataset laid out as the contract says, written by DuckDB alone: none of our own writers takes part.</summary>
internal sealed class FakeDataset : IDisposable
{
    private readonly DuckDBConnection _duckdb = new("DataSource=:memory:");

    public FakeDataset(string name = "dataset")
    {
        Root = Path.Combine(Directory.CreateTempSubdirectory("tracereplay-test-").FullName, name);
        Directory.CreateDirectory(Path.Combine(Root, "traces", "manifests"));
        _duckdb.Open();
    }

    public string Root { get; }

    public FakeDataset Manifest(string traceId, string kernel = "6.12.95+deb12-amd64", string path = "x.trace.dat", long events = 10, long lost = 0, bool complete = true, string date = "2026-11-22", string arch = "x86_64", string eventCounts = """ "kvm.kvm_page_fault": 6, "odd.name.with.dots": 2 """)
    {
        File.WriteAllText(Path.Combine(Root, "traces", "manifests", traceId + ".json"), $$"""
            {
              "trace_id": "{{traceId}}", "path": "{{path}}", "sha256": "00", "format": "trace.dat", "host": "h one", "date": "{{date}}",
              "kernel": "{{kernel}}", "arch": "{{arch}}", "cpu_vendor": null, "clock": "mono", "clock_unit": "ns", "cpus": 2,
              "start_ns": 1000, "end_ns": 2500001000, "events": {{events}}, "lost": {{lost}}, "complete": {{(complete ? "true" : "false")}},
              "warnings": ["one", "two"], "unknown_to_us": 1, "event_counts": { {{eventCounts}} }
            }
            """);
        return this;
    }

    /// <summary>Stock DuckDB with what views.sql gives it. Relative paths: it resolves them as the shell would in the dataset's directory.</summary>
    public DuckDBConnection Stock()
    {
        DuckDBConnection stock = new("DataSource=:memory:");
        stock.Open();
        using DuckDBCommand command = stock.CreateCommand();
        command.CommandText = $"SET file_search_path = {Sql.Literal(Root)}";
        command.ExecuteNonQuery();
        command.CommandText = File.ReadAllText(Path.Combine(Root, ViewsFile.Name));
        command.ExecuteNonQuery();
        return stock;
    }

    public FakeDataset Event(string folder, string traceId, string select) => Parquet($"events/{folder}", traceId, select);

    public FakeDataset Result(string table, string traceId, string select) => Parquet($"results/{table}", traceId, select);

    public FakeDataset Parquet(string folder, string traceId, string select)
    {
        string partition = Path.Combine(Root, folder, "date=2026-11-22", "host=h%20one");
        Directory.CreateDirectory(partition);
        using DuckDBCommand command = _duckdb.CreateCommand();
        command.CommandText = $"COPY ({select}) TO {Sql.Literal(Path.Combine(partition, traceId + ".parquet"))} (FORMAT parquet)";
        command.ExecuteNonQuery();
        return this;
    }

    public DatasetSession Open() => DatasetSession.Open(Root);

    public void Dispose()
    {
        _duckdb.Dispose();
        Directory.Delete(Path.GetDirectoryName(Root)!, recursive: true);
    }
}
