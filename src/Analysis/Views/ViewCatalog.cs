using System.Text;
using TraceReplay.Analysis.Compaction;
using TraceReplay.Analysis.Findings;
using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis.Views;

/// <summary>A view and the SELECT behind it; the paths in it begin with the root it was made for.</summary>
public sealed record ViewDefinition(string Name, string Select)
{
    /// <summary>How a view says that it shows whole traces only. DuckDB looks for an unqualified name in the main schema alone.</summary>
    internal const string WholeTraces = "IN (SELECT trace_id FROM traces)";

    /// <summary>Other views that it reads, which must be there before it.</summary>
    public IReadOnlyList<string> Over { get; init; } = [];

    public string ToSql() => $"CREATE OR REPLACE VIEW {Sql.Identifier(Name)} AS {Select};";

    /// <summary>Its rows as they are now.</summary>
    internal string ToTable() => $"CREATE OR REPLACE TABLE {Sql.Identifier(Name)} AS {Select};";

    /// <summary>The same in another schema, beside the traces there.</summary>
    public string ToSql(string schema) =>
        $"CREATE VIEW {Sql.Identifier(schema)}.{Sql.Identifier(Name)} AS {Select.Replace(WholeTraces, $"IN (SELECT trace_id FROM {Sql.Identifier(schema)}.traces)", StringComparison.Ordinal)};";
}

/// <summary>Finds what a dataset holds and says it as views. Looks at folder names only; opens no Parquet file.</summary>
public static class ViewCatalog
{
    /// <summary>The views over <paramref name="dataset"/>, `traces` first because the others read it.</summary>
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="root">What the paths in the views begin with: "" for SQL that runs inside the directory.</param>
    /// <param name="unreadable">Files of manifests that are left out.</param>
    public static IReadOnlyList<ViewDefinition> Discover(string dataset, string root, IReadOnlyList<string>? unreadable = null)
    {
        string? manifests = unreadable is { Count: > 0 } ? Readable(dataset, unreadable) : null;
        return Discover(dataset, root, manifests, folder => Whole(dataset, root, folder));
    }

    /// <summary>The same views of one trace: each reads that trace's rows and opens no file of another.</summary>
    public static IReadOnlyList<ViewDefinition> DiscoverTrace(string dataset, string root, TraceManifest trace)
    {
        string own = DatasetLayout.Manifest(dataset, trace.TraceId);
        string manifest = File.Exists(own) ? own : Path.Combine(DatasetLayout.DayManifestDirectory(dataset), Day(trace) + ".json");
        string id = Sql.Literal(trace.TraceId);
        return [.. Discover(dataset, root, $"[{Sql.Literal(Sql.GlobSafe(manifest))}]", folder => OfTrace(dataset, root, folder, trace))
            .Select(view => view.Name == Tables.Traces.Name || view.Name == Tables.EventCounts.Name ? view with { Select = $"SELECT * FROM ({view.Select}) WHERE trace_id = {id}" } : view)];
    }

    private static List<ViewDefinition> Discover(string dataset, string root, string? manifests, Func<string, string?> rows)
    {
        var views = new List<ViewDefinition> { TracesView(dataset, root, manifests) };
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        TableSchema[] ours = [Tables.LostEvents, Tables.ProbeSites, Tables.HostMaps, .. Tables.Results];
        foreach (TableSchema table in ours)
        {
            views.Add(new ViewDefinition(table.Name, OurTable(dataset, table, rows)));
            taken.Add(table.Name);
        }

        views.Add(EventCountsView(dataset, root, manifests));
        taken.UnionWith([Tables.Traces.Name, Tables.EventCounts.Name]);
        foreach (string folder in Folders(dataset, "results").Where(f => !taken.Contains(f)).ToList())
        {
            if (rows($"results/{folder}") is { } select)
            {
                views.Add(new ViewDefinition(folder, select));
                taken.Add(folder);
            }
        }

        List<string> events = Folders(dataset, "events");
        foreach ((string name, string folder) in NameEvents(events, taken).ToList())
        {
            if (rows($"events/{folder}") is { } select)
            {
                views.Add(new ViewDefinition(name, select));
                taken.Add(name);
            }
        }

        foreach (TableSchema known in KnownEvents.All.Where(known => taken.Add(known.Name)))
        {
            string[] systems = [.. events.Where(folder => folder.EndsWith('.' + known.Name, StringComparison.OrdinalIgnoreCase)).Select(folder => rows($"events/{folder}")).OfType<string>()];
            views.Add(new ViewDefinition(known.Name, systems.Length == 0 ? Empty(known) : string.Join(" UNION ALL BY NAME ", systems)));
        }

        views.AddRange(FindingsSql.Views().Where(view => taken.Add(view.Name)));
        return views;
    }

    /// <summary>Gives each event folder `system.event` the name of its view: the event's, or `system_event` where that is not unique.</summary>
    /// <param name="folders">Folder names below `events`.</param>
    /// <param name="taken">Names of our own tables.</param>
    public static IEnumerable<(string View, string Folder)> NameEvents(IEnumerable<string> folders, IReadOnlySet<string> taken)
    {
        List<(string Folder, string System, string Event)> events = [.. folders.Order(StringComparer.Ordinal).Select(Split)];
        Dictionary<string, int> sharing = events.GroupBy(e => e.Event, StringComparer.OrdinalIgnoreCase)
            .ToDictionary(g => g.Key, g => g.Count(), StringComparer.OrdinalIgnoreCase);
        bool KeepsName((string Folder, string System, string Event) e) =>
            sharing[e.Event] == 1 && !taken.Contains(e.Event) && !(e.System == "ftrace" && e.Event == "function");

        var used = new HashSet<string>(taken, StringComparer.OrdinalIgnoreCase);
        used.UnionWith(events.Where(KeepsName).Select(e => e.Event));
        foreach ((string Folder, string System, string Event) e in events)
        {
            if (KeepsName(e))
            {
                yield return (e.Event, e.Folder);
                continue;
            }

            string name = $"{e.System}_{e.Event}";
            yield return (used.Add(name) ? name : e.Folder, e.Folder);
        }
    }

    private static (string Folder, string System, string Event) Split(string folder)
    {
        int dot = folder.IndexOf('.', StringComparison.Ordinal);
        return dot < 0 ? (folder, "", folder) : (folder, folder[..dot], folder[(dot + 1)..]);
    }

    private static List<string> Folders(string dataset, string below)
    {
        var root = new DirectoryInfo(Path.Combine(dataset, below));
        return root.Exists
            ? [.. root.EnumerateDirectories().Where(d => HasFile(d.FullName, "*.parquet")).Select(d => d.Name).Order(StringComparer.Ordinal)]
            : [];
    }

    private static bool HasFile(string folder, string pattern) =>
        Directory.Exists(folder) && Directory.EnumerateFiles(folder, pattern, SearchOption.AllDirectories).Any();

    private static bool HasManifest(string dataset) => HasFile(Path.Combine(dataset, DatasetLayout.Traces), "*.json");

    // Each file by its name: a pattern would find the unreadable ones too.
    private static string Readable(string dataset, IReadOnlyList<string> unreadable)
    {
        HashSet<string> left = [.. unreadable];
        string[] files = [.. new[] { DatasetLayout.ManifestDirectory(dataset), DatasetLayout.DayManifestDirectory(dataset) }
            .Where(Directory.Exists)
            .SelectMany(folder => new DirectoryInfo(folder).EnumerateFiles("*.json"))
            .Select(file => file.FullName)
            .Where(file => !left.Contains(file))];
        return $"[{string.Join(", ", files.Select(file => Sql.Literal(Sql.GlobSafe(file))))}]";
    }

    private static ViewDefinition TracesView(string dataset, string root, string? manifests)
    {
        TableSchema table = Tables.Traces;
        string columns = string.Join(", ", table.Columns.Select(c => $"{c.Name}: '{c.Type}'"));
        return new ViewDefinition(table.Name, HasManifest(dataset) && manifests != "[]" ? $"SELECT * REPLACE (coalesce(scenario, regexp_replace(regexp_replace(parse_filename(path), {Sql.Literal(ScenarioName.Endings)}, ''), {Sql.Literal(ScenarioName.KernelPrefix)}, '')) AS scenario) FROM {ReadManifests(root, columns, manifests)}" : Empty(table));
    }

    // A capture's own manifest hides its line in its day's file (Manifests).
    private static string ReadManifests(string root, string columns, string? manifests)
    {
        string traces = Sql.GlobSafe(root) + DatasetLayout.Traces;
        string own = Sql.Literal($"{traces}/manifests/*.json");

        // One pattern for both folders, as one that matches no file is an error to DuckDB.
        string all = manifests ?? Sql.Literal($"{traces}/*/*.json");
        string hidden = $"starts_with(parse_filename(filename), 'date=') AND trace_id IN (SELECT parse_filename(file, true) FROM glob({own}))";
        return $"(SELECT * EXCLUDE (filename) FROM read_json({all}, format = 'unstructured', columns = {{{columns}}}, filename = true) WHERE NOT ({hidden}))";
    }

    // The manifests hold the counts: reading the footers of all Parquet files instead takes six times as long.
    private static ViewDefinition EventCountsView(string dataset, string root, string? manifests) => new(
        Tables.EventCounts.Name,
        !HasManifest(dataset) || manifests == "[]"
            ? Empty(Tables.EventCounts)
            : $"""
              SELECT trace_id, split_part(c.key, '.', 1) AS system, c.key[length(split_part(c.key, '.', 1)) + 2:] AS event, c.value AS records
              FROM (SELECT trace_id, unnest(map_entries(event_counts)) AS c FROM {ReadManifests(root, "trace_id: 'VARCHAR', event_counts: 'MAP(VARCHAR, BIGINT)'", manifests)})
              """.ReplaceLineEndings(" "));

    private static string OurTable(string dataset, TableSchema table, Func<string, string?> rows) =>
        HasFile(Path.Combine(dataset, table.Folder), "*.parquet") && rows(table.Folder) is { } select
            ? $"{Empty(table)} UNION ALL BY NAME {select}"
            : Empty(table);

    private static string Empty(TableSchema table)
    {
        var sql = new StringBuilder("SELECT ");
        sql.AppendJoin(", ", table.Columns.Select(c => $"NULL::{c.Type} AS {Sql.Identifier(c.Name)}"));
        return sql.Append(" WHERE false").ToString();
    }

    /// <summary>
    /// The captures' own files and the compacted ones. A capture's own file hides its compacted rows, so that each row is seen once
    /// at every moment of a compaction, and a trace that is replayed again shows its new results.
    /// </summary>
    private static string Whole(string dataset, string root, string folder)
    {
        string own = Filtered(ReadParquet(root, folder));
        if (!HasFile(CompactedLayout.Folder(dataset, folder), "*.parquet"))
        {
            return own;
        }

        string files = Sql.Literal(Sql.GlobSafe(root) + Sql.GlobSafe(CompactedLayout.Folder("", folder)) + "/*/*.parquet");
        string compacted = $"read_parquet({files}, union_by_name = true, hive_partitioning = true, hive_types = {{date: DATE}})";
        string rows = $"{Filtered(compacted)} AND trace_id NOT IN (SELECT parse_filename(file, true) FROM glob({OwnFiles(root, folder)})) UNION ALL BY NAME {own}";
        return $"SELECT * EXCLUDE (date, host), date, host FROM ({rows})";
    }

    // Null where the trace has no such table.
    private static string? OfTrace(string dataset, string root, string folder, TraceManifest trace)
    {
        string own = $"{folder}/{Day(trace)}/host={DatasetLayout.Safe(trace.Host)}/{trace.TraceId}.parquet";
        if (File.Exists(Path.Combine(dataset, own)))
        {
            return $"SELECT * FROM read_parquet({Sql.Literal(Sql.GlobSafe(root) + Sql.GlobSafe(own))}, hive_partitioning = true, hive_types = {{date: DATE, host: VARCHAR}})";
        }

        string compacted = $"{CompactedLayout.Folder("", folder)}/{Day(trace)}";
        return HasFile(Path.Combine(dataset, compacted), "*.parquet")
            ? $"SELECT * EXCLUDE (date, host), date, host FROM read_parquet({Sql.Literal(Sql.GlobSafe(root) + Sql.GlobSafe(compacted) + "/*.parquet")}, union_by_name = true, hive_partitioning = true, hive_types = {{date: DATE}}) WHERE trace_id = {Sql.Literal(trace.TraceId)}"
            : null;
    }

    private static string Day(TraceManifest trace) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"date={trace.Date:yyyy-MM-dd}");

    private static string Filtered(string from) => $"SELECT * FROM {from} WHERE trace_id {ViewDefinition.WholeTraces}";

    private static string OwnFiles(string root, string folder) => Sql.Literal(Sql.GlobSafe(root) + Sql.GlobSafe(folder) + "/*/*/*.parquet");

    private static string ReadParquet(string root, string folder) =>
        $"read_parquet({OwnFiles(root, folder)}, union_by_name = true, hive_partitioning = true, hive_types = {{date: DATE, host: VARCHAR}})";
}
