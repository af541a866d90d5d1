using System.Globalization;

namespace TraceReplay.Analysis.Nightly;

/// <summary>A file of the inbox: <c>[CLASS/]HOST/[YYYY-MM-DD/]SCENARIO[.anything]</c>.</summary>
/// <param name="Path">The file.</param>
/// <param name="Name">Its path below the inbox, with forward slashes.</param>
/// <param name="Class">Hosts of one class may be compared; "default" if the path names none.</param>
/// <param name="Host">null if the path names none: then as recorded.</param>
/// <param name="Scenario">What was run: the file's name up to its first dot.</param>
/// <param name="Date">null if the path names none: then as recorded.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Written">When it was last written, UTC.</param>
public sealed record InboxFile(string Path, string Name, string Class, string? Host, string Scenario, DateOnly? Date, long Length, DateTime Written);

/// <summary>Where the machines of a fleet put their captures.</summary>
public static class Inbox
{
    private static readonly string[] s_unfinished = [".tmp", ".part", ".partial", ".filepart", "~"];

    /// <summary>All files, by name; those that an upload has not named yet (hidden, .part, .tmp) are left out.</summary>
    /// <exception cref="AnalysisException">There is no such directory, or it cannot be read.</exception>
    public static IReadOnlyList<InboxFile> Scan(string inbox)
    {
        DirectoryInfo root = new(inbox);
        if (!root.Exists)
        {
            throw new AnalysisException(AnalysisFailure.Usage, $"{inbox}: found {(File.Exists(inbox) ? "a file" : "nothing")}, expected the directory to which captures are uploaded");
        }

        try
        {
            return
            [
                .. root.EnumerateFiles("*", SearchOption.AllDirectories)
                    .Where(f => f.Name[0] != '.' && !s_unfinished.Any(end => f.Name.EndsWith(end, StringComparison.OrdinalIgnoreCase)))
                    .Select(f => Parse(f.FullName, Path.GetRelativePath(root.FullName, f.FullName).Replace('\\', '/'), f.Length, f.LastWriteTimeUtc))
                    .OrderBy(f => f.Name, StringComparer.Ordinal),
            ];
        }
        catch (UnauthorizedAccessException e)
        {
            throw new AnalysisException(AnalysisFailure.Environment, e.Message, e);
        }
    }

    /// <summary>What a path below the inbox tells of a capture.</summary>
    public static InboxFile Parse(string path, string name, long length, DateTime written)
    {
        string[] parts = name.Split('/');
        DateOnly? date = null;
        List<string> folders = [];
        foreach (string folder in parts[..^1])
        {
            if (DateOnly.TryParseExact(folder, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day))
            {
                date = day;
            }
            else
            {
                folders.Add(folder);
            }
        }

        return new InboxFile(
            path,
            name,
            folders.Count > 1 ? folders[0] : "default",
            folders.Count > 0 ? folders[Math.Min(1, folders.Count - 1)] : null,
            parts[^1].Split('.')[0],
            date,
            length,
            written);
    }

    /// <summary>The shard (1-based) of <paramref name="count"/> that a file belongs to: the same on every machine.</summary>
    public static int ShardOf(string name, int count)
    {
        // FNV-1a: string.GetHashCode differs from process to process.
        uint hash = 2166136261;
        foreach (char c in name)
        {
            hash = (hash ^ c) * 16777619;
        }

        return (int)(hash % (uint)count) + 1;
    }
}
