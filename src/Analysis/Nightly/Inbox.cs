using System.Globalization;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Nightly;

/// <summary>A file of the inbox and what its place says (docs/fleet.md).</summary>
/// <param name="Path">As it can be opened.</param>
/// <param name="Relative">Below the inbox, with forward slashes.</param>
/// <param name="HostClass">Hosts that may be compared with each other.</param>
/// <param name="Host">null = as the capture says.</param>
/// <param name="Date">null = as the capture says.</param>
/// <param name="Scenario">The file's name up to its first dot that is not a decimal point.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Modified">UTC ticks.</param>
public sealed record InboxFile(string Path, string Relative, string HostClass, string? Host, DateOnly? Date, string Scenario, long Size, long Modified);

/// <summary>Lists an inbox: <c>[CLASS/]HOST/[YYYY-MM-DD/]SCENARIO[.anything]</c>.</summary>
public static class Inbox
{
    public const string DefaultClass = "default";

    /// <summary>Every file, by path. Hidden files and <c>*.tmp</c>, <c>*.part</c> are uploads under way, and left out.</summary>
    /// <exception cref="AnalysisException">There is no such directory.</exception>
    /// <param name="followLinks">Whether links in it are followed.</param>
    /// <param name="notFollowed">Gets each link that was not.</param>
    public static IReadOnlyList<InboxFile> Scan(string inbox, bool followLinks = false, Action<string>? notFollowed = null)
    {
        DirectoryInfo root = new(inbox);
        if (!root.Exists)
        {
            throw new AnalysisException(AnalysisFailure.Input, $"{inbox}: found nothing, expected the directory of an inbox");
        }

        List<InboxFile> files = [];
        foreach (string path in FileTree.Files(inbox, followLinks, notFollowed))
        {
            string relative = Path.GetRelativePath(inbox, path);
            relative = Path.DirectorySeparatorChar == '/' ? relative : relative.Replace('\\', '/');
            FileInfo file = new(path);

            // A name that is no UTF-8 cannot be opened by what it was decoded to: it is told of where it is tried.
            if (!IsUpload(relative) && (!file.Exists || file.Length > 0))
            {
                files.Add(Place(path, relative, file.Exists ? file.Length : 0, file.Exists ? file.LastWriteTimeUtc.Ticks : 0));
            }
        }

        files.Sort((a, b) => string.CompareOrdinal(a.Relative, b.Relative));
        return files;
    }

    internal static InboxFile Place(string path, string relative, long size, long modified)
    {
        DateOnly? date = null;
        List<string> folders = [];
        string[] parts = relative.Split('/');
        foreach (string folder in parts[..^1])
        {
            if (DateOnly.TryParseExact(folder, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly named))
            {
                date = named;
            }
            else
            {
                folders.Add(folder);
            }
        }

        string? host = folders.Count > 0 ? folders[^1] : null;
        string hostClass = folders.Count > 1 ? string.Join('/', folders[..^1]) : DefaultClass;
        return new InboxFile(path, relative, hostClass, host, date, ScenarioOf(parts[^1]), size, modified);
    }

    // Captures are often named after a kernel: the dot of 6.12-anon.trace.dat is none that ends the name.
    private static string ScenarioOf(string name)
    {
        for (int i = 1; i < name.Length; i++)
        {
            bool point = i + 1 < name.Length && char.IsAsciiDigit(name[i - 1]) && char.IsAsciiDigit(name[i + 1]);
            if (name[i] == '.' && !point)
            {
                return name[..i];
            }
        }

        return name;
    }

    private static bool IsUpload(string relative) =>
        relative.Split('/').Any(part => part.StartsWith('.'))
        || relative.EndsWith(".tmp", StringComparison.Ordinal)
        || relative.EndsWith(".part", StringComparison.Ordinal);
}
