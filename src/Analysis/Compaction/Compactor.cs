using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using DuckDB.NET.Data;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Compaction;

/// <param name="Files">Files of single captures that were folded.</param>
/// <param name="Parts">Compacted files written.</param>
/// <param name="Bytes">Size of the tables among them, bytes.</param>
public sealed record CompactionReport(long Files, long Parts, long Bytes);

/// <summary>
/// Folds the files of single captures into a few a table and day. Safe to kill: a compacted file appears whole, by a rename; a
/// capture's own file hides its compacted rows for as long as it is there (<see cref="ViewCatalog"/>) and is deleted last.
/// So every row is seen exactly once at every moment, and running it again finishes what was begun.
/// </summary>
public sealed class Compactor : IDisposable
{
    private readonly string _dataset;
    private readonly long _memory;
    private DuckDBConnection? _connection;
    private readonly Action<string> _step;

    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="memory">What DuckDB may use, bytes; 0 = its default.</param>
    /// <param name="step">Called between steps that are not one: a test ends the run there.</param>
    public Compactor(string dataset, long memory = 0, Action<string>? step = null)
    {
        _dataset = DuckPath.Of(dataset);
        _step = step ?? (static _ => { });
        _memory = memory;
    }

    // Most replays find nothing compacted.
    private DuckDBConnection Connection => _connection ??= Connect();

    /// <summary>Folds every table and day that has files of single captures, once nobody replays any more.</summary>
    /// <param name="ct">Stops between two files.</param>
    /// <param name="patience">How long replays are waited for; null = <see cref="DatasetLock.Patience"/>.</param>
    /// <param name="waiting">Gets one line once that takes long.</param>
    /// <exception cref="EnvironmentFailedException">Replays did not end.</exception>
    /// <exception cref="AnalysisException">A file cannot be read, or the disk is full; everything can still be read as before.</exception>
    public CompactionReport Run(CancellationToken ct, TimeSpan? patience = null, Action<string>? waiting = null)
    {
        using DatasetLock alone = DatasetLock.OwnFiles(_dataset, patience ?? DatasetLock.Patience, ct, waiting);
        List<OwnFile> folded = [];
        long parts = 0;
        long bytes = 0;
        try
        {
            Placement.FinishAll(_dataset);
            foreach (string table in CompactedLayout.Tables(_dataset))
            {
                foreach (DateOnly day in CompactedLayout.Days(Path.Combine(_dataset, table)))
                {
                    ct.ThrowIfCancellationRequested();
                    List<OwnFile> own = Readable(OwnFiles(table, day));
                    if (own.Count == 0)
                    {
                        continue;
                    }

                    Keep(table);
                    foreach (string part in Fold(table, day, own))
                    {
                        parts++;
                        bytes += new FileInfo(part).Length;
                    }

                    folded.AddRange(own);
                }
            }

            ViewsFile.Write(_dataset);
            _step("views");
            foreach (OwnFile file in folded)
            {
                Delete(file);
                _step("delete");
            }

            (int manifests, int days) = Manifests.Fold(_dataset, _step, ct);
            return new CompactionReport(folded.Count + manifests, parts + days, bytes);
        }
        catch (DuckDBException e)
        {
            throw new AnalysisException(AnalysisFailure.Environment, $"{_dataset}: compaction: {SqlErrors.OneLine(e)}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new AnalysisException(AnalysisFailure.Environment, $"{_dataset}: compaction: {e.Message}", e);
        }
    }

    /// <summary>
    /// Gives compacted traces files of their own again, which a replay reads; <see cref="Release"/> takes them away.
    /// </summary>
    /// <returns>The files that were made.</returns>
    public IReadOnlyList<string> Restore(IEnumerable<string> traceIds)
    {
        List<string> made = [];
        foreach (string id in traceIds)
        {
            if (DatasetReader.OpenTrace(_dataset, id) is not { } reader)
            {
                continue;
            }

            TraceManifest trace = reader.Traces[0];
            List<(string Table, string Path)> tables =
            [
                .. trace.EventCounts.Keys.Select(name => ($"{DatasetLayout.Events}/{DatasetLayout.Safe(name)}", reader.EventPath(id, name))),
                .. new[] { DatasetLayout.LostEvents, DatasetLayout.ProbeSites }.Select(name => ($"{DatasetLayout.Traces}/{name}", reader.TraceTablePath(id, name))),
            ];
            foreach ((string table, string path) in tables.Where(t => !File.Exists(t.Path)))
            {
                // Which part has a trace's rows only they tell; a table that the trace has no rows of takes any part's columns.
                string[] parts = Parts(CompactedLayout.Day(_dataset, table, trace.Date));
                string? part = Array.Find(parts, p => Count($"SELECT count(*) FROM read_parquet({Sql.Literal(Sql.GlobSafe(p))}) WHERE trace_id = {Sql.Literal(id)}") > 0)
                    ?? (table.StartsWith(DatasetLayout.Events, StringComparison.Ordinal) || parts.Length == 0 ? null : parts[0]);
                if (part is not null)
                {
                    CopyTo(path, $"SELECT * EXCLUDE (host) FROM read_parquet({Sql.Literal(Sql.GlobSafe(part))}, hive_partitioning = false) WHERE trace_id = {Sql.Literal(id)}");
                    made.Add(path);
                }
            }
        }

        return made;
    }

    /// <summary>
    /// Does work on a trace whose files are its own meanwhile, alone among all that write its results.
    /// </summary>
    /// <param name="traceId">The trace.</param>
    /// <param name="work">Reads the trace's files and writes its results.</param>
    /// <param name="waiting">Gets one line if another process is in the way for long.</param>
    public T WithOwnFiles<T>(string traceId, Func<T> work, CancellationToken ct, Action<string>? waiting = null)
    {
        using DatasetLock files = DatasetLock.ShareFiles(_dataset, ct, waiting);
        using DatasetLock alone = DatasetLock.OfResults(_dataset, traceId, ct, waiting);
        Placement.Finish(_dataset, traceId);
        IReadOnlyList<string> restored = Restore([traceId]);
        try
        {
            return work();
        }
        finally
        {
            Release(restored);
        }
    }

    /// <summary>Whether a compacted table has rows of a trace.</summary>
    public static bool Holds(string dataset, string table, DateOnly day, string traceId)
    {
        string[] parts = Parts(CompactedLayout.Day(dataset, table, day));
        if (parts.Length == 0)
        {
            return false;
        }

        using Compactor reader = new(dataset);
        return parts.Any(part => reader.Count($"SELECT count(*) FROM read_parquet({Sql.Literal(Sql.GlobSafe(part))}) WHERE trace_id = {Sql.Literal(traceId)}") > 0);
    }

    /// <summary>Removes what <see cref="Restore"/> made: the compacted rows are seen again, and they are the same.</summary>
    public static void Release(IEnumerable<string> made)
    {
        foreach (string path in made)
        {
            File.Delete(path);
        }
    }

    public void Dispose() => _connection?.Dispose();

    private sealed record OwnFile(string Path, string TraceId, long Length, DateTime Written);

    /// <summary>The captures' own files of a day; those of a capture without manifest are not there yet.</summary>
    private List<OwnFile> OwnFiles(string table, DateOnly day)
    {
        DirectoryInfo root = new(Path.Combine(_dataset, table, string.Create(CultureInfo.InvariantCulture, $"date={day:yyyy-MM-dd}")));
        return
        [
            .. root.EnumerateFiles("*.parquet", SearchOption.AllDirectories)
                .Select(f => new OwnFile(f.FullName, Path.GetFileNameWithoutExtension(f.Name), f.Length, f.LastWriteTimeUtc))
                .Where(f => Manifests.Contains(_dataset, f.TraceId))
                .OrderBy(f => f.TraceId, StringComparer.Ordinal),
        ];
    }

    /// <summary>A file that cannot be read stays where it is: it costs its own capture.</summary>
    private List<OwnFile> Readable(List<OwnFile> own)
    {
        try
        {
            _ = BySchema(own);
            return own;
        }
        catch (DuckDBException)
        {
            return
            [
                .. own.Where(file =>
                {
                    try
                    {
                        _ = BySchema([file]);
                        return true;
                    }
                    catch (DuckDBException)
                    {
                        DatasetDamage.Report(file.Path, "not a Parquet file that can be read", "its capture is");
                        return false;
                    }
                }),
            ];
        }
    }

    private IEnumerable<string> Fold(string table, DateOnly day, List<OwnFile> own)
    {
        string folder = CompactedLayout.Day(_dataset, table, day);
        string ids = $"({string.Join(", ", own.Select(f => Sql.Literal(f.TraceId)))})";
        HashSet<string> written = [];
        foreach (IGrouping<string, OwnFile> group in BySchema(own).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            string part = Path.Combine(folder, $"part-{group.Key}.parquet");
            string files = $"[{string.Join(", ", group.Select(f => Sql.Literal(Sql.GlobSafe(f.Path))))}]";
            string fresh = $"SELECT * EXCLUDE (date) FROM read_parquet({files}, hive_partitioning = true, hive_types = {{date: DATE, host: VARCHAR}})";
            CopyTo(part, File.Exists(part) ? $"{Others(part, ids)} UNION ALL BY NAME {fresh}" : fresh);
            written.Add(part);
            _step("part");
            yield return part;
        }

        // A trace that was replayed again may have had other columns before: its old rows go, too.
        foreach (string part in Parts(folder).Where(p => !written.Contains(p)))
        {
            if (Count($"SELECT count(*) FROM read_parquet({Sql.Literal(Sql.GlobSafe(part))}) WHERE trace_id IN {ids}") > 0)
            {
                CopyTo(part, Others(part, ids));
                _step("part");
                yield return part;
            }
        }
    }

    private static string[] Parts(string day)
    {
        string[] parts = Directory.Exists(day) ? Directory.GetFiles(day, "part-*.parquet") : [];
        Array.Sort(parts, StringComparer.Ordinal);
        return parts;
    }

    private static string Others(string part, string ids) => $"SELECT * FROM read_parquet({Sql.Literal(Sql.GlobSafe(part))}, hive_partitioning = false) WHERE trace_id NOT IN {ids}";

    /// <summary>Files by their columns: other columns or types (another kernel, a text) are another part, so that nothing is widened.</summary>
    private ILookup<string, OwnFile> BySchema(List<OwnFile> own)
    {
        Dictionary<string, StringBuilder> columns = own.ToDictionary(f => f.Path, _ => new StringBuilder(), StringComparer.Ordinal);
        using DuckDBCommand command = Connection.CreateCommand();
        command.CommandText = $"SELECT file_name, name, type, converted_type, logical_type FROM parquet_schema([{string.Join(", ", own.Select(f => Sql.Literal(Sql.GlobSafe(f.Path))))}])";
        using DuckDBDataReader reader = command.ExecuteReader();
        while (reader.Read())
        {
            columns[reader.GetString(0)].AppendJoin(':', Enumerable.Range(1, 4).Select(i => reader.IsDBNull(i) ? "" : reader.GetString(i))).Append('\n');
        }

        return own.ToLookup(f => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(columns[f.Path].ToString())))[..8], StringComparer.Ordinal);
    }

    private void Keep(string table)
    {
        string keeper = CompactedLayout.KeeperFile(_dataset, table);
        if (!File.Exists(keeper))
        {
            CopyTo(keeper, "SELECT NULL::VARCHAR AS trace_id WHERE false");
        }
    }

    /// <summary>Whole or not at all.</summary>
    private void CopyTo(string path, string select)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = TemporaryFile.For(path);
        TemporaryFile.RemoveLeftovers(path);
        Execute($"COPY ({select}) TO {Sql.Literal(temporary)} (FORMAT parquet, COMPRESSION zstd)");
        using (FileStream written = new(temporary, FileMode.Open, FileAccess.ReadWrite))
        {
            written.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>A file that was written anew meanwhile stays, and hides its old rows.</summary>
    private static void Delete(OwnFile file)
    {
        FileInfo now = new(file.Path);
        if (!now.Exists || now.Length != file.Length || now.LastWriteTimeUtc != file.Written)
        {
            return;
        }

        now.Delete();
        for (DirectoryInfo? folder = now.Directory; folder is not null && folder.Name.Contains('=', StringComparison.Ordinal) && !folder.EnumerateFileSystemInfos().Any(); folder = folder.Parent)
        {
            folder.Delete();
        }
    }

    private long Count(string sql)
    {
        using DuckDBCommand command = Connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    private void Execute(string sql) => Execute(Connection, sql);

    private static void Execute(DuckDBConnection connection, string sql)
    {
        using DuckDBCommand command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private DuckDBConnection Connect()
    {
        DuckDBConnection connection = new("DataSource=:memory:");
        connection.Open();
        Execute(connection, $"SET temp_directory = {Sql.Literal(Path.Combine(Path.GetTempPath(), $"tracereplay-compact-{Environment.ProcessId}"))}");
        Execute(connection, "SET threads = 1");

        // Each file is read once: kept in memory they would fill it.
        Execute(connection, "SET enable_external_file_cache = false");
        if (_memory > 0)
        {
            Execute(connection, string.Create(CultureInfo.InvariantCulture, $"SET memory_limit = '{_memory >> 20}MiB'"));
        }

        return connection;
    }
}
