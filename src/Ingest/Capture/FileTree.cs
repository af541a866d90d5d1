namespace TraceReplay.Ingest.Capture;

/// <summary>The files below a directory, each once, whatever links there are.</summary>
public static class FileTree
{
    // A path of a file system has no more parts than this.
    private const int Deepest = 256;

    /// <param name="root">Where to begin; may be a link itself.</param>
    /// <param name="followLinks">Whether links to directories and files are followed; no directory is entered twice.</param>
    /// <param name="notFollowed">Gets each link that was not followed.</param>
    /// <returns>Files in the order of their paths within each directory, as paths that begin with <paramref name="root"/>.</returns>
    public static IEnumerable<string> Files(string root, bool followLinks, Action<string>? notFollowed = null)
    {
        HashSet<string> entered = new(StringComparer.Ordinal) { Real(new DirectoryInfo(root)) };
        Stack<(string Path, int Depth)> directories = new();
        directories.Push((root, 0));
        while (directories.TryPop(out (string Path, int Depth) directory))
        {
            List<FileSystemInfo> entries;
            try
            {
                entries = [.. new DirectoryInfo(directory.Path).EnumerateFileSystemInfos().OrderBy(e => e.Name, StringComparer.Ordinal)];
            }
            catch (DirectoryNotFoundException)
            {
                // It vanished meanwhile.
                continue;
            }

            for (int i = entries.Count - 1; i >= 0; i--)
            {
                FileSystemInfo entry = entries[i];
                if (entry is not DirectoryInfo folder || directory.Depth >= Deepest)
                {
                    continue;
                }

                string path = Path.Combine(directory.Path, entry.Name);
                if (entry.LinkTarget is null)
                {
                    entered.Add(Real(folder));
                    directories.Push((path, directory.Depth + 1));
                }
                else if (followLinks && entered.Add(Real(folder)))
                {
                    directories.Push((path, directory.Depth + 1));
                }
                else
                {
                    notFollowed?.Invoke(path);
                }
            }

            foreach (FileSystemInfo entry in entries.Where(e => e is FileInfo))
            {
                string path = Path.Combine(directory.Path, entry.Name);
                if (entry.LinkTarget is null || followLinks)
                {
                    yield return path;
                }
                else
                {
                    notFollowed?.Invoke(path);
                }
            }
        }
    }

    private static string Real(DirectoryInfo directory)
    {
        try
        {
            return (directory.ResolveLinkTarget(returnFinalTarget: true) ?? directory).FullName.TrimEnd('/', '\\');
        }
        catch (IOException)
        {
            return directory.FullName;
        }
    }
}
