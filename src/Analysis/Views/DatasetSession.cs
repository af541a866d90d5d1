using DuckDB.NET.Data;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Views;

/// <summary>
/// An in-memory DuckDB over a dataset. Writes nothing into the dataset, so a read-only mount will do.
/// A view is made when a statement first names it: making one opens every file behind it.
/// </summary>
public sealed class DatasetSession : IDisposable
{
    private static readonly HashSet<string> s_introspection = new(StringComparer.OrdinalIgnoreCase)
    {
        "show", "pragma", "information_schema", "pg_catalog", "sqlite_master", "duckdb_views", "duckdb_tables", "duckdb_columns",

        // These name tables in literals.
        "query", "query_table",
    };

    /// <summary>
    /// Where DuckDB expects at most 64 rows on the left of an ASOF join, it compares each of them with every row on the right. What it
    /// expects behind two or three filters is too little by a factor of thousands: six minutes instead of half a second.
    /// </summary>
    internal const string EachPairOnce = "SET asof_loop_join_threshold = 0;";

    private const string ReadAgain = "SET disabled_optimizers = 'common_subplan'";

    // The view of findings names the same steps dozens of times.
    private const string MakeOnce = "SET disabled_optimizers = ''";

    // What that view takes over 1,000 captures without running again.
    private const string ForFindings = "768MiB";

    // What statements keep in memory before they go on in the temporary directory, whatever the size of the dataset. The program with it
    // keeps about 300 MiB then; what goes on in files that would not with 512 takes up to twice as long (docs/speed.md).
    private const string Frugal = "160MiB";
    private const string More = "512MiB";

    private readonly Dictionary<string, ViewDefinition> _pending;
    private readonly DuckDBConnection _connection;
    private readonly ViewDefinition _traces;
    private IReadOnlyList<string> _left = [];

    // For a statement that cannot do with less: one after the other.
    private readonly Queue<string> _limits = new();

    private DatasetSession(string dataset, DuckDBConnection connection, IReadOnlyList<ViewDefinition> views)
    {
        Dataset = dataset;
        _connection = connection;
        ViewNames = [.. views.Select(v => v.Name)];
        _traces = views.Count > 0 ? views[0] : new ViewDefinition(Tables.Traces.Name, "");
        _pending = views.ToDictionary(v => v.Name, StringComparer.OrdinalIgnoreCase);
    }

    public string Dataset { get; }

    /// <summary>Every view that the dataset offers.</summary>
    public IReadOnlyList<string> ViewNames { get; }

    /// <summary>Ends a statement under way.</summary>
    public CancellationToken Stop { get; private init; }

    /// <summary>Opens a dataset.</summary>
    /// <param name="dataset">Its directory.</param>
    /// <param name="stop">Ends a statement under way.</param>
    /// <exception cref="AnalysisException">The directory is not a dataset, or cannot be read.</exception>
    public static DatasetSession Open(string dataset, CancellationToken stop = default)
    {
        IReadOnlyList<ViewDefinition> views = Discover(dataset);
        return Connect(dataset, views, stop);
    }

    /// <summary>Opens one trace of a dataset: the same views, and no file of another trace behind them.</summary>
    /// <returns>null if the dataset has no such trace.</returns>
    /// <exception cref="AnalysisException">The directory is not a dataset, or cannot be read.</exception>
    public static DatasetSession? OpenTrace(string dataset, string traceId, CancellationToken stop = default)
    {
        string root = Path.GetFullPath(dataset);
        RequireDataset(dataset, root);
        DatasetFormat.Require(root);
        root = DuckPath.Of(root);
        IReadOnlyList<string> left = Placement.Settle(root, traceId);
        return Manifests.Find(root, traceId) is { } trace
            ? Connect(dataset, Without(left, ViewCatalog.DiscoverTrace(root, root.TrimEnd('/', '\\') + "/", trace)), stop)
            : null;
    }

    /// <summary>The traces that a session over the dataset shows, ordered by date, path and id; for who needs no SQL, which takes a database to start.</summary>
    /// <exception cref="AnalysisException">The directory is not a dataset, or cannot be read.</exception>
    public static IReadOnlyList<TraceManifest> Traces(string dataset) => Checked(dataset, root =>
    {
        IReadOnlyList<string> left = Placement.Settle(root);
        return (IReadOnlyList<TraceManifest>)[.. Manifests.All(root).Where(trace => !left.Contains(trace.TraceId))
            .OrderBy(trace => trace.Date).ThenBy(trace => trace.Path, StringComparer.Ordinal).ThenBy(trace => trace.TraceId, StringComparer.Ordinal)];
    });

    /// <summary>What to say where a statement names a view that is not there; with the views that it may have meant.</summary>
    public string Missing(string view)
    {
        // Steps on the way to findings are nobody's to ask for by a slip.
        IEnumerable<string> names = ViewNames.Where(name => !name.StartsWith(Findings.Relation.Prefix, StringComparison.Ordinal));
        return $"no such view: {view}; this dataset recorded no {view}{Nearest.Hint(view, names)} (SHOW TABLES lists all)";
    }

    /// <summary>A session without a dataset, for rows of our own.</summary>
    public static DatasetSession WithoutDataset() => Connect("", []);

    /// <summary>Offers some views of one more dataset, in a schema of their own; an event that the dataset has none of is an empty view.</summary>
    /// <exception cref="AnalysisException">The directory is not a dataset, or cannot be read.</exception>
    public void Attach(string dataset, string schema, IReadOnlyList<string> names)
    {
        Dictionary<string, ViewDefinition> views = Discover(dataset).ToDictionary(v => v.Name, StringComparer.OrdinalIgnoreCase);
        Run($"CREATE SCHEMA {Sql.Identifier(schema)}");
        foreach (string name in names)
        {
            ViewDefinition view = views.TryGetValue(name, out ViewDefinition? found) ? found
                : new ViewDefinition(name, "SELECT NULL::VARCHAR AS trace_id, NULL::BIGINT AS seq, NULL::VARCHAR AS buf WHERE false");
            Create(dataset, view, view.ToSql(schema));
        }
    }

    /// <summary>Keeps more for each statement from here on: for those that may print rows while they still work, and cannot be run again then.</summary>
    public void KeepMore()
    {
        if (_limits.TryPeek(out string? limit) && limit == More)
        {
            Run($"SET memory_limit = {Sql.Literal(_limits.Dequeue())}");
        }
    }

    /// <summary>Runs a statement; where it cannot do with the memory that is kept for one, again with more, and at last with most of the machine's.</summary>
    /// <param name="run">The statement.</param>
    /// <param name="again">Whether it can be run again; null = always.</param>
    internal T Frugally<T>(Func<T> run, Func<bool>? again = null)
    {
        while (true)
        {
            try
            {
                return run();
            }
            catch (DuckDBException e) when (SqlErrors.IsOutOfMemory(e) && _limits.Count > 0 && (again is null || again()))
            {
                Run($"SET memory_limit = {Sql.Literal(_limits.Dequeue())}");
            }
        }
    }

    /// <summary>A command for one or more statements, with the views that they name in place.</summary>
    public DuckDBCommand Command(string sql)
    {
        EnsureViews(sql);
        return Plain(sql);
    }

    /// <summary>A command for statements that name no view.</summary>
    internal DuckDBCommand Plain(string sql)
    {
        DuckDBCommand command = _connection.CreateCommand();
        command.CommandText = sql;
        return command;
    }

    /// <summary>All rows of one of our own SELECTs.</summary>
    public List<T> Select<T>(string sql, Func<DuckDBDataReader, T> map, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        using DuckDBCommand command = Command(sql);
        return Rows(command, map, parameters);
    }

    /// <summary>All rows of a command.</summary>
    internal List<T> Rows<T>(DuckDBCommand command, Func<DuckDBDataReader, T> map, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        foreach ((string name, object value) in parameters)
        {
            command.Parameters.Add(new DuckDBParameter(name, value));
        }

        try
        {
            return Frugally(() =>
            {
                var rows = new List<T>();
                using CancellationTokenRegistration cancel = Stop.Register(command.Cancel);
                using DuckDBDataReader reader = command.ExecuteReader();
                while (reader.Read())
                {
                    rows.Add(map(reader));
                }

                return rows;
            });
        }
        catch (DuckDBException e)
        {
            Stop.ThrowIfCancellationRequested();
            throw new AnalysisException(AnalysisFailure.Input, $"{Dataset}: {SqlErrors.OneLine(e)}", e);
        }
    }

    public void Dispose() => _connection.Dispose();

    private static DatasetSession Connect(string dataset, IReadOnlyList<ViewDefinition> views, CancellationToken stop = default)
    {
        var connection = new DuckDBConnection("DataSource=:memory:");
        connection.Open();
        var session = new DatasetSession(dataset, connection, views) { Stop = stop };
        string spill = Path.Combine(Path.GetTempPath(), $"tracereplay-spill-{Environment.ProcessId}");
        session.Run($"SET temp_directory = {Sql.Literal(spill)}");
        session.Run("SET autoinstall_known_extensions = false");

        // The system caches files already; a second copy of each that was read grows with the dataset.
        session.Run("SET enable_external_file_cache = false");
        session.Run(EachPairOnce);

        // Where several parts of a statement read one file, it would keep all the rows that they read; to read them again takes less.
        session.Run(ReadAgain);

        // RESET would give the setting its number back and leave the bound.
        session._limits.Enqueue(More);
        session._limits.Enqueue(session.Select("SELECT current_setting('memory_limit')", r => r.GetString(0))[0]);
        session.Run($"SET memory_limit = '{Frugal}'");
        return session;
    }

    private static IReadOnlyList<ViewDefinition> Discover(string dataset) => Checked(dataset, root =>
    {
        IReadOnlyList<string> left = Placement.Settle(root);
        return Without(left, ViewCatalog.Discover(root, root.TrimEnd('/', '\\') + "/", Manifests.Unreadable(root)));
    });

    private static T Checked<T>(string dataset, Func<string, T> read)
    {
        string root = Path.GetFullPath(dataset);
        RequireDataset(dataset, root);
        try
        {
            DatasetFormat.Require(root);
            return read(DuckPath.Of(root));
        }
        catch (NotADatasetException e)
        {
            throw new AnalysisException(AnalysisFailure.Input, e.Message, e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new AnalysisException(AnalysisFailure.Environment, $"{dataset}: {e.Message}", e);
        }
    }

    /// <summary>Views that do not show some traces: the first is of all traces, and the others ask it.</summary>
    private static IReadOnlyList<ViewDefinition> Without(IReadOnlyList<string> traceIds, IReadOnlyList<ViewDefinition> views) => traceIds.Count == 0
        ? views
        : [views[0] with { Select = $"SELECT * FROM ({views[0].Select}) WHERE trace_id NOT IN ({string.Join(", ", traceIds.Select(Sql.Literal))})" }, .. views.Skip(1)];

    private static void RequireDataset(string shown, string root)
    {
        if (!Directory.Exists(root))
        {
            if (shown.Contains("://", StringComparison.Ordinal))
            {
                throw new AnalysisException(AnalysisFailure.Input, $"{shown}: an address, expected a directory: mount it, or ask it with stock DuckDB and `tracereplay query -d COPY --views {shown}` (docs/object-store.md)");
            }

            string found = File.Exists(root) ? "found a file" : "found nothing";
            throw new AnalysisException(AnalysisFailure.Input, $"{shown}: {found}, expected the directory of a dataset (made by `tracereplay ingest CAPTURE -d DATASET`)");
        }

        if (!Directory.Exists(Path.Combine(root, Tables.Traces.Folder)))
        {
            throw new AnalysisException(AnalysisFailure.Input, $"{shown}: found no {Tables.Traces.Folder} in it, expected a dataset (made by `tracereplay ingest CAPTURE -d DATASET`)");
        }
    }

    private void EnsureViews(string sql)
    {
        if (_pending.Count == 0)
        {
            return;
        }

        // A word in a literal or comment names no view: to make one for nothing opens all its files.
        foreach (string name in SqlTokens.Words(sql))
        {
            if (s_introspection.Contains(name))
            {
                foreach (ViewDefinition view in _pending.Values.ToList())
                {
                    Create(view);
                }

                return;
            }

            if (_pending.TryGetValue(name, out ViewDefinition? named))
            {
                Create(named);
            }
        }
    }

    private void Create(ViewDefinition view)
    {
        _pending.Remove(view.Name);

        // Every other view asks it which traces are whole: the manifests are read once, not once for each view.
        if (view.Name == _traces.Name)
        {
            Create(Dataset, view, view.ToTable());
            return;
        }

        if (_pending.TryGetValue(_traces.Name, out ViewDefinition? traces))
        {
            Create(traces);
        }

        foreach (string name in view.Over)
        {
            if (_pending.TryGetValue(name, out ViewDefinition? under))
            {
                Create(under);
            }
        }

        if (view.Name.StartsWith(Findings.Relation.Prefix, StringComparison.Ordinal))
        {
            Run(MakeOnce);
            KeepMore();
            Run($"SET memory_limit = '{ForFindings}'");
        }

        try
        {
            Run(view.ToSql());
        }
        catch (DuckDBException e)
        {
            Stop.ThrowIfCancellationRequested();
            if (!TryWithout(view))
            {
                throw new AnalysisException(AnalysisFailure.Input, $"{Dataset}: view {view.Name}: {SqlErrors.OneLine(e)}", e);
            }
        }
    }

    /// <summary>Makes the view without the files that cannot be read, and hides their captures from all views.</summary>
    private bool TryWithout(ViewDefinition view)
    {
        ParquetDamage damage = ParquetDamage.Find(view.Select, file => Runs($"SELECT count(*) FROM parquet_schema({Sql.Literal(Sql.GlobSafe(file))})"));
        ViewDefinition without = view with { Select = damage.SelectWithout };
        if (damage.Files.Count == 0 || !Runs(without.ToSql()))
        {
            return false;
        }

        _left = [.. _left, .. damage.Files];
        string ids = string.Join(", ", _left.Select(f => Sql.Literal(Path.GetFileNameWithoutExtension(f))));
        string days = string.Join(", ", _left.Select(ParquetDamage.CompactedDay).OfType<string>().Append("0001-01-01").Select(day => $"DATE {Sql.Literal(day)}"));
        Run(new ViewDefinition(Tables.Traces.Name, $"SELECT * FROM ({_traces.Select}) WHERE trace_id NOT IN ({ids}) AND date NOT IN ({days})").ToTable());
        foreach (string file in damage.Files)
        {
            DatasetDamage.Report(file, "not a Parquet file that can be read", ParquetDamage.CompactedDay(file) is { } day ? $"the captures of {day} are" : "its capture is");
        }

        return true;
    }

    private bool Runs(string sql)
    {
        try
        {
            Run(sql);
            return true;
        }
        catch (DuckDBException)
        {
            return false;
        }
    }

    private void Create(string dataset, ViewDefinition view, string sql)
    {
        try
        {
            Run(sql);
        }
        catch (DuckDBException e)
        {
            throw new AnalysisException(AnalysisFailure.Input, $"{dataset}: view {view.Name}: {SqlErrors.OneLine(e)}", e);
        }
    }

    private void Run(string sql)
    {
        Stop.ThrowIfCancellationRequested();
        using DuckDBCommand command = _connection.CreateCommand();
        using CancellationTokenRegistration cancel = Stop.Register(command.Cancel);
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }
}
