using System.Text.Json;
using System.Text.Json.Serialization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What became of a file of the inbox. Exactly one of <see cref="TraceId"/> and <see cref="Refusal"/> for a file that is done; both for a damaged one.</summary>
public sealed record InboxEntry
{
    public required string Name { get; init; }

    public required long Length { get; init; }

    public required DateTime Written { get; init; }

    public required DateOnly Date { get; init; }

    public required string Host { get; init; }

    public string? TraceId { get; init; }

    /// <summary>Why it could not be read, or where it is damaged: one line.</summary>
    public string? Refusal { get; init; }
}

/// <summary>
/// Remembers the inbox, so that a run over a thousand known captures hashes none of them again. Only a help: a file that it does not know
/// is hashed, and its identity decides. One file for each shard; all are read.
/// </summary>
public sealed class InboxIndex
{
    private readonly string _path;
    private readonly Dictionary<string, InboxEntry> _entries = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, InboxEntry> _own = new(StringComparer.Ordinal);

    private InboxIndex(string path) => _path = path;

    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="shard">null: the whole night's index.</param>
    public static InboxIndex Open(string dataset, (int Index, int Count)? shard)
    {
        string folder = NightFiles.Folder(dataset);
        InboxIndex index = new(Path.Combine(folder, shard is { } s ? $"inbox.{s.Index}-of-{s.Count}.json" : "inbox.json"));
        string[] paths = Directory.Exists(folder) ? Directory.GetFiles(folder, "inbox*.json") : [];
        Array.Sort(paths, StringComparer.Ordinal);
        foreach (string path in paths)
        {
            foreach (InboxEntry entry in Read(path))
            {
                index._entries[entry.Name] = entry;
                if (path == index._path)
                {
                    index._own[entry.Name] = entry;
                }
            }
        }

        return index;
    }

    public IReadOnlyCollection<InboxEntry> All => _entries.Values;

    /// <summary>Whether the file was dealt with as it is now.</summary>
    public bool Knows(InboxFile file) => _entries.TryGetValue(file.Name, out InboxEntry? entry) && entry.Length == file.Length && entry.Written == file.Written;

    public void Add(InboxEntry entry)
    {
        _entries[entry.Name] = entry;
        _own[entry.Name] = entry;
    }

    /// <summary>Forgets files that are gone from the inbox and whose captures are gone from the dataset.</summary>
    public void Forget(Func<InboxEntry, bool> gone)
    {
        foreach (InboxEntry entry in _entries.Values.Where(gone).ToList())
        {
            _entries.Remove(entry.Name);
            _own.Remove(entry.Name);
        }
    }

    public void Save() => NightFiles.Write(_path, file => JsonSerializer.Serialize(file, [.. _own.Values], NightJson.Readable.InboxEntryArray));

    private static InboxEntry[] Read(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return JsonSerializer.Deserialize(file, NightJson.Readable.InboxEntryArray) ?? [];
        }
        catch (JsonException)
        {
            // Written whole or not at all, so someone else's hand was in it. Nothing is lost but time.
            return [];
        }
    }
}

[JsonSerializable(typeof(InboxEntry[]))]
internal sealed partial class NightJson : JsonSerializerContext
{
    public static NightJson Readable { get; } = new(new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull });
}
