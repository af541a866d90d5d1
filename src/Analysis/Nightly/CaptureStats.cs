using System.Globalization;
using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Nightly;

/// <summary>
/// Writes what one capture contributes to a night into the table <c>night_stats</c>: shares of outcomes and divergences, percentiles of
/// latency (ns), fidelity, losses, and each kind of finding. Written last of a capture: it says that the capture is done.
/// Not thread-safe: each worker has its own.
/// </summary>
internal sealed class CaptureStats : IDisposable
{
    public const string Table = "night_stats";

    private static readonly string s_sql = Resource.Text("Nightly.capture_stats.sql");

    private readonly DuckDBConnection _connection = new("DataSource=:memory:");

    public CaptureStats()
    {
        _connection.Open();
        Execute("SET threads = 1");
    }

    /// <exception cref="AnalysisException">A result file cannot be read, or the disk is full.</exception>
    public void Write(string dataset, TraceManifest trace, string hostClass, string scenario)
    {
        DatasetReader reader = DatasetReader.OpenTrace(dataset, trace.TraceId);
        try
        {
            foreach (string table in new[] { "faults", "outcomes", "divergences", "fidelity", "violations" })
            {
                Execute($"SET VARIABLE {table} = {Sql.Literal(Sql.GlobSafe(reader.ResultPath(trace.TraceId, table)))}");
            }

            Execute(string.Create(CultureInfo.InvariantCulture, $"SET VARIABLE lost = {trace.Lost}; SET VARIABLE events = {trace.Events};"));
            string path = reader.ResultPath(trace.TraceId, Table);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            string row = $"{Sql.Literal(trace.TraceId)} AS trace_id, {Sql.Literal(hostClass)} AS class, {Sql.Literal(trace.Kernel ?? "unknown")} AS kernel, {Sql.Literal(scenario)} AS scenario";
            Execute($"COPY (SELECT {row}, quantity, value, n::BIGINT AS n FROM ({s_sql}) ORDER BY quantity) TO {Sql.Literal(path + ".tmp")} (FORMAT parquet)");
            File.Move(path + ".tmp", path, overwrite: true);
        }
        catch (DuckDBException e)
        {
            throw new AnalysisException(AnalysisFailure.Environment, $"{dataset}: {trace.TraceId}: {SqlErrors.OneLine(e)}", e);
        }
    }

    public void Dispose() => _connection.Dispose();

    private void Execute(string sql)
    {
        using DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
