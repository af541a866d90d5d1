using System.Text.RegularExpressions;
using TraceReplay.Analysis.Findings;
using TraceReplay.Analysis.Views;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset;
using TraceReplay.Replay;
using Xunit;

[assembly: AssemblyFixture(typeof(TraceReplay.Analysis.Tests.Findings.ShownCaptures))]

namespace TraceReplay.Analysis.Tests.Findings;

/// <summary>
/// All captures at hand, ingested and replayed once, and what is found in each: the samples, what people sent (tests/EndToEnd.Tests/Field),
/// and everything below the folders that TRACEREPLAY_CAPTURES names.
/// </summary>
public sealed partial class ShownCaptures : IDisposable
{
    private readonly Lazy<Dictionary<string, FindingRow[]>> _found;
    private readonly string _dataset = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;

    private Dictionary<string, FindingRow[]> _inFiles = [];

    public ShownCaptures() => _found = new Lazy<Dictionary<string, FindingRow[]>>(Read);

    /// <summary>The findings of each capture by its name: folder and file, without .trace.dat.</summary>
    public IReadOnlyDictionary<string, FindingRow[]> Found => _found.Value;

    /// <summary>The findings of some captures, at least one for each finding, read as those of a large capture are.</summary>
    internal IReadOnlyDictionary<string, FindingRow[]> FoundInFiles => _found.Value.Count > 0 ? _inFiles : throw new InvalidOperationException("no captures");

    /// <summary>Files that are no capture that can be read, with the reason.</summary>
    internal Dictionary<string, string> Refused { get; } = [];

    internal static string[] More => (Environment.GetEnvironmentVariable("TRACEREPLAY_CAPTURES") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>What is found in a capture of its own.</summary>
    internal static FindingRow[] Of(string text, string? kernel)
    {
        string dataset = Directory.CreateTempSubdirectory("tracereplay-test-").FullName;
        try
        {
            string file = Path.Combine(dataset, "trace.txt");
            File.WriteAllText(file, text);
            string id = Replayed(file, Path.Combine(dataset, "data"), kernel);
            using DatasetSession session = DatasetSession.Open(Path.Combine(dataset, "data"));
            return [.. FindingsReader.Read(session, id)];
        }
        finally
        {
            Directory.Delete(dataset, recursive: true);
        }
    }

    public void Dispose() => Directory.Delete(_dataset, recursive: true);

    private Dictionary<string, FindingRow[]> Read()
    {
        Dictionary<string, string> ids = [];
        foreach ((string name, string path) in Files())
        {
            try
            {
                ids.TryAdd(name, Replayed(path, _dataset, null));
            }
            catch (CaptureException e)
            {
                Refused[name] = e.Message;
            }
        }

        using DatasetSession session = DatasetSession.Open(_dataset);
        Dictionary<string, FindingRow[]> found = ids.ToDictionary(i => i.Key, i => FindingsReader.Read(session, i.Value).ToArray());

        // One capture for each finding is enough.
        HashSet<string> seen = [];
        _inFiles = found.Where(f => f.Value.Select(row => row.Finding).Where(seen.Add).ToArray().Length > 0).ToDictionary(f => f.Key, f => FindingsReader.Read(session, [ids[f.Key]], large: 0)[ids[f.Key]].ToArray());
        return found;
    }

    internal static string Replayed(string path, string dataset, string? kernel)
    {
        IngestResult result = Ingestor.Ingest(path, dataset, new IngestOptions { Kernel = kernel });
        if (!result.AlreadyPresent)
        {
            ReplayRunner.Run(dataset, result.TraceId, new ReplayOptions());
        }

        return result.TraceId;
    }

    private static IEnumerable<(string Name, string Path)> Files()
    {
        string root = LibraryTests.RepositoryRoot();
        return More.Append(Path.Combine(root, "sample-traces")).Append(Path.Combine(root, "tests", "EndToEnd.Tests", "Field"))
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(path => (Name: Name(path), Path: path)))
            .Where(file => Capture().IsMatch(file.Name) && !Twice().IsMatch(file.Name))
            .Select(file => (file.Name.Replace(".trace.dat", "", StringComparison.Ordinal), file.Path))
            .OrderBy(file => file.Item1, StringComparer.Ordinal);
    }

    // From the folder that says whose it is.
    private static string Name(string path)
    {
        string name = path.Replace('\\', '/');
        name = name.Replace("/sample-traces/", "/samples/", StringComparison.Ordinal).Replace("/tests/EndToEnd.Tests/Field/", "/field/", StringComparison.Ordinal);
        Match match = Folder().Match(name);
        return match.Success ? match.Value[1..] : name;
    }

    // Recorded again in another form, of the same run; and one that is there for speed.
    [GeneratedRegex(@"^traces/(6\.1|6\.12|7\.2)/.*\.(perf\.data|trace\.txt)\.zst$|^traces/big/")]
    private static partial Regex Twice();

    [GeneratedRegex("/(samples|field|traces|frontier|thirdparty)/.*$")]
    private static partial Regex Folder();

    [GeneratedRegex(@"\.trace\.dat(\.zst)?$|\.perf\.data(\.zst)?$|\.trace\.txt\.zst$|\.nettrace$|^(field|thirdparty)/[^/]+/(?!README|EXPECT).+$")]
    private static partial Regex Capture();
}
