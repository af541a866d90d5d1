using System.Text.Json;
using System.Text.Json.Serialization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What became of one file of the inbox.</summary>
/// <param name="Relative">Below the inbox.</param>
/// <param name="Size">Bytes, when it was read.</param>
/// <param name="Modified">UTC ticks, when it was read.</param>
/// <param name="TraceId">null if nothing of it could be read.</param>
/// <param name="Failure">The contract's one line about an unreadable or damaged capture; null if it was good.</param>
/// <param name="Date">The night it belongs to.</param>
public sealed record SeenFile(string Relative, long Size, long Modified, string? TraceId, string? Failure, string HostClass, string Scenario, DateOnly Date)
{
    /// <summary>The program that failed over it by a defect of its own: another one tries again. null if none did.</summary>
    public string? FailedProgram { get; init; }

    /// <summary>Why it is no capture; null if it is one.</summary>
    public string? Ignored { get; init; }
}

/// <summary>
/// Remembers which files of the inbox are done, so that a run without news opens none of them. Only a memory: what is lost of it is
/// looked at again, and the dataset knows a capture by its content.
/// </summary>
public sealed class InboxIndex : IDisposable
{
    private readonly Dictionary<string, SeenFile> _seen = new(StringComparer.Ordinal);
    private readonly Lock _append = new();
    private readonly string _path;
    private StreamWriter? _writer;

    private InboxIndex(string path) => _path = path;

    /// <summary>The latest word on each file.</summary>
    public IEnumerable<SeenFile> Files => _seen.Values;

    /// <summary>Reads what all runs have noted; notes of this run go into the file of its <paramref name="writer"/> alone.</summary>
    public static InboxIndex Open(string dataset, string writer)
    {
        string folder = Path.Combine(dataset, NightlyLock.Folder);
        Directory.CreateDirectory(folder);
        InboxIndex index = new(Path.Combine(folder, $"inbox-{writer}.jsonl"));
        foreach (string path in Directory.EnumerateFiles(folder, "inbox-*.jsonl").Order(StringComparer.Ordinal))
        {
            foreach (string line in File.ReadLines(path))
            {
                index.Read(line);
            }
        }

        return index;
    }

    public bool Has(InboxFile file) =>
        _seen.TryGetValue(file.Relative, out SeenFile? seen) && seen.Size == file.Size && seen.Modified == file.Modified && (seen.FailedProgram is null || seen.FailedProgram == Program);

    /// <summary>This build of the program.</summary>
    public static string Program { get; } = typeof(InboxIndex).Module.ModuleVersionId.ToString();

    /// <param name="file">What became of a file.</param>
    /// <param name="remember">Whether later runs need not look at it again.</param>
    public void Add(SeenFile file, bool remember = true)
    {
        lock (_append)
        {
            _seen[file.Relative] = file;
            if (!remember)
            {
                return;
            }

            if (_writer is null)
            {
                _writer = new StreamWriter(_path, append: true) { NewLine = "\n", AutoFlush = true };
                _writer.WriteLine(); // what a killed run left of a line ends here
            }

            _writer.WriteLine(JsonSerializer.Serialize(file, SeenJson.Default.SeenFile));
        }
    }

    public void Dispose() => _writer?.Dispose();

    private void Read(string line)
    {
        if (line.Length == 0)
        {
            return;
        }

        try
        {
            if (JsonSerializer.Deserialize(line, SeenJson.Default.SeenFile) is { } seen && (!_seen.TryGetValue(seen.Relative, out SeenFile? other) || other.Modified <= seen.Modified))
            {
                _seen[seen.Relative] = seen;
            }
        }
        catch (JsonException)
        {
            // The torn line of a killed run: its file is looked at again.
        }
    }
}

[JsonSerializable(typeof(SeenFile))]
internal sealed partial class SeenJson : JsonSerializerContext;
