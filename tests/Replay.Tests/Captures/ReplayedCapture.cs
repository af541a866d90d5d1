using System.Collections.Concurrent;
using System.Globalization;
using System.Text.RegularExpressions;
using Parquet;
using Parquet.Schema;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay.Timeline;

namespace TraceReplay.Replay.Tests.Captures;

/// <summary>A capture, ingested and replayed once for all tests that look at it.</summary>
public sealed partial class ReplayedCapture
{
    private static readonly ConcurrentDictionary<string, Lazy<ReplayedCapture>> s_all = new();

    private static readonly Lazy<string> s_dataset = new(NewDataset);

    private static readonly Lazy<string> s_withoutProbes = new(NewDataset);

    private readonly DatasetReader _reader;

    private ReplayedCapture(string path, string dataset, string? kernel, ReplayOptions options)
    {
        TraceId = Ingestor.Ingest(path, dataset, new IngestOptions { Kernel = kernel }).TraceId;
        Report = ReplayRunner.Run(dataset, TraceId, options);
        _reader = DatasetReader.Open(dataset);
    }

    private static string NewDataset() => Directory.CreateDirectory(Path.Combine(TestDatasets.Root, Path.GetRandomFileName())).FullName;

    public string TraceId { get; }

    public ReplayReport Report { get; }

    public TraceManifest Manifest => _reader.Traces.Single(trace => trace.TraceId == TraceId);

    /// <param name="kernel">The captured kernel, for a capture that does not name it.</param>
    public static ReplayedCapture Of(string path, string? kernel = null) =>
        s_all.GetOrAdd(path, p => new Lazy<ReplayedCapture>(() => new ReplayedCapture(p, s_dataset.Value, kernel, new ReplayOptions()))).Value;

    /// <summary>The same with its probe events left out, in a dataset of its own: results would replace each other.</summary>
    public static ReplayedCapture WithoutProbes(string path, string? kernel = null) =>
        s_all.GetOrAdd("without probes: " + path, _ => new Lazy<ReplayedCapture>(() => new ReplayedCapture(path, s_withoutProbes.Value, kernel, new ReplayOptions { IgnoreProbes = true }))).Value;

    /// <summary>A replay of its own, with other options than the common ones.</summary>
    public static ReplayedCapture With(string path, ReplayOptions options) => new(path, NewDataset(), null, options);

    /// <summary>
    /// The captures in sample-traces/ by path; with TRACEREPLAY_CAPTURES set, also those below the directories that it names.
    /// </summary>
    public static IEnumerable<string> All()
    {
        string samples = Path.Combine(RepositoryRoot(), "sample-traces");
        return More().Prepend(samples).SelectMany(directory => Directory.EnumerateFiles(directory, "*.trace.dat*", SearchOption.AllDirectories)).Order(StringComparer.Ordinal);
    }

    /// <summary>The directories that TRACEREPLAY_CAPTURES names.</summary>
    public static string[] More() => (Environment.GetEnvironmentVariable("TRACEREPLAY_CAPTURES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Those of arm64 lie in a folder of that name.</summary>
    public static bool IsArm64(string path) => path.Contains("arm64", StringComparison.Ordinal);

    /// <summary>The truth file beside a capture; null if there is none.</summary>
    public static string? TruthOf(string capture)
    {
        string truth = TraceDatSuffix().Replace(capture, ".truth.txt");
        return File.Exists(truth) ? truth : null;
    }

    public static string RepositoryRoot()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "TraceReplay.sln")))
        {
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("the tests run outside of the repository");
        }

        return directory;
    }

    /// <summary>A result table as rows of text; NULL is null.</summary>
    /// <param name="columns">Those that are asked for; none = all.</param>
    public List<Dictionary<string, string?>> Result(string table, params string[] columns) => Rows(_reader.ResultPath(TraceId, table), columns);

    /// <summary>An event table; empty if the capture has no such event.</summary>
    public List<Dictionary<string, string?>> Events(string name)
    {
        string path = _reader.EventPath(TraceId, name);
        return File.Exists(path) ? Rows(path) : [];
    }

    /// <summary>The types of an event table's columns.</summary>
    public Dictionary<string, Type> Types(string name)
    {
        using ParquetTable table = ParquetTable.Open(_reader.EventPath(TraceId, name));
        return table.Fields.ToDictionary(field => field.Name, field => field.ClrType);
    }

    /// <summary>The part of the trace, [from, to) in seq, in which the VMM made one pass; null if its markers are missing.</summary>
    public (long From, long To)? Pass(int op)
    {
        long from = -1;
        foreach (Dictionary<string, string?> print in Events("ftrace.print"))
        {
            Match match = Marker().Match(print["buf"] ?? "");
            if (!match.Success || int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture) != op)
            {
                continue;
            }

            long seq = long.Parse(print["seq"]!, CultureInfo.InvariantCulture);
            if (match.Groups[2].Value == "begin")
            {
                from = seq;
            }
            else if (from >= 0)
            {
                return (from, seq);
            }
        }

        return null;
    }

    /// <summary>A table of any dataset as rows of text.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="columns">Columns to read; all where none is named.</param>
    internal static List<Dictionary<string, string?>> Rows(string path, params string[] columns)
    {
        using ParquetTable table = ParquetTable.Open(path);
        List<Dictionary<string, string?>> rows = [];
        for (int g = 0; g < table.RowGroups; g++)
        {
            using ParquetRowGroupReader group = table.OpenRowGroup(g);
            int count = (int)group.RowCount;
            int first = rows.Count;
            for (int i = 0; i < count; i++)
            {
                rows.Add([]);
            }

            foreach (DataField field in table.Fields.Where(field => columns.Length == 0 || columns.Contains(field.Name)))
            {
                string?[]? values = Read(table, group, field, count);
                for (int i = 0; values is not null && i < count; i++)
                {
                    rows[first + i][field.Name] = values[i];
                }
            }
        }

        return rows;
    }

    private static string?[]? Read(ParquetTable table, ParquetRowGroupReader group, DataField field, int rows)
    {
        if (field.ClrType == typeof(string) || field.ClrType == typeof(ReadOnlyMemory<char>))
        {
            return table.ReadTexts(group, field);
        }

        return field.ClrType == typeof(long) ? Read<long>() : field.ClrType == typeof(ulong) ? Read<ulong>() : field.ClrType == typeof(int) ? Read<int>()
            : field.ClrType == typeof(uint) ? Read<uint>() : field.ClrType == typeof(short) ? Read<short>() : field.ClrType == typeof(ushort) ? Read<ushort>()
            : field.ClrType == typeof(sbyte) ? Read<sbyte>() : field.ClrType == typeof(byte) ? Read<byte>() : field.ClrType == typeof(bool) ? Read<bool>()
            : field.ClrType == typeof(double) ? Read<double>() : null;

        string?[] Read<T>()
            where T : unmanaged
        {
            if (!field.IsNullable)
            {
                T[] plain = new T[rows];
                group.ReadAsync<T>(field, plain.AsMemory()).AsTask().GetAwaiter().GetResult();
                return [.. plain.Select(value => string.Create(CultureInfo.InvariantCulture, $"{value}"))];
            }

            T?[] values = new T?[rows];
            group.ReadAsync<T>(field, values.AsMemory()).AsTask().GetAwaiter().GetResult();
            return [.. values.Select(value => value is null ? null : string.Create(CultureInfo.InvariantCulture, $"{value}"))];
        }
    }

    [GeneratedRegex(@"minivmm: op (\d+) (begin|end)")]
    private static partial Regex Marker();

    [GeneratedRegex(@"\.trace\.dat(\.zst)?$")]
    private static partial Regex TraceDatSuffix();
}
