using System.Text;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// Gives several results of one trace their names together, although a file system renames one file at a time: what is to be renamed is
/// written down first, in <c>traces/placing/ID.txt</c>, and whoever comes upon that after the writer died renames what is left.
/// </summary>
/// <remarks>
/// A line for each file: the temporary name, a tab, the path within the dataset. The last line is <c>end</c>. The list appears whole, by a
/// rename; without one, nothing was renamed.
/// </remarks>
public static class Placement
{
    private const string Ending = ".txt";
    private const string End = "end";

    // Renames take as long as a look at a directory; who holds the lock for longer is at something else.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <summary>Gives all files their names. The caller is alone in writing the trace's results (<see cref="DatasetLock.OfResults"/>).</summary>
    /// <param name="dataset">The dataset's directory, in which the files are.</param>
    /// <param name="traceId">Whose results they are.</param>
    /// <param name="files">Whole; entrusted to the dataset from the moment that the list is written.</param>
    /// <exception cref="EnvironmentFailedException">No room, no permission: all have their names, or will get them, or none has.</exception>
    public static void Place(string dataset, string traceId, IReadOnlyList<SealedFile> files)
    {
        try
        {
            string list = List(dataset, traceId);
            StringBuilder text = new();
            foreach (SealedFile file in files)
            {
                text.Append(Path.GetFileName(file.Temporary)).Append('\t').Append(Path.GetRelativePath(dataset, file.Path).Replace('\\', '/')).Append('\n');
            }

            Directory.CreateDirectory(Path.GetDirectoryName(list)!);
            TemporaryFile.RemoveLeftovers(list);
            string temporary = TemporaryFile.For(list);
            try
            {
                File.WriteAllText(temporary, text.Append(End).Append('\n').ToString());
                File.Move(temporary, list, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }

            foreach (SealedFile file in files)
            {
                file.Entrust();
            }

            Finish(dataset, traceId);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentFailedException(e.Message, e);
        }
    }

    /// <summary>Gives the files of a writer that died their names. The caller is alone in writing the trace's results.</summary>
    /// <exception cref="IOException">It cannot be done.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be done.</exception>
    public static void Finish(string dataset, string traceId)
    {
        string list = List(dataset, traceId);
        if (!File.Exists(list))
        {
            return;
        }

        if (Read(dataset, traceId, list) is { } moves)
        {
            foreach ((string temporary, string path) in moves)
            {
                try
                {
                    File.Move(temporary, path, overwrite: true);
                }
                catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
                {
                    // Has its name already, or its day is gone.
                }
            }
        }
        else
        {
            DatasetDamage.Report($"{list}: no list of results; it was passed over");
        }

        File.Delete(list);
    }

    /// <summary>As <see cref="Finish"/>, of all traces. The caller is alone in the dataset (<see cref="DatasetLock.OwnFiles"/>).</summary>
    public static void FinishAll(string dataset)
    {
        foreach (string id in Open(dataset))
        {
            Finish(dataset, id);
        }
    }

    /// <summary>Called by who will read: results whose writer died between two names get all of them.</summary>
    /// <param name="dataset">The dataset's directory.</param>
    /// <param name="traceId">Only of this trace; null = of all.</param>
    /// <returns>Traces that stay as they are, since the dataset cannot be written; each told to <see cref="DatasetDamage"/>.</returns>
    public static IReadOnlyList<string> Settle(string dataset, string? traceId = null)
    {
        List<string> left = [];
        foreach (string id in Open(dataset).Where(id => traceId is null || id == traceId))
        {
            try
            {
                DateTime began = DateTime.UtcNow;
                while (File.Exists(List(dataset, id)) && DateTime.UtcNow - began < s_patience)
                {
                    using DatasetLock? alone = DatasetLock.TryOfResults(dataset, id);
                    if (alone is not null)
                    {
                        Finish(dataset, id);
                        break;
                    }

                    Thread.Sleep(10);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                DatasetDamage.Report(List(dataset, id), $"a replay died while its results got their names, and they cannot get them now ({e.Message})", "its capture is");
                left.Add(id);
            }
        }

        return left;
    }

    private static string Folder(string dataset) => Path.Combine(dataset, DatasetLayout.Traces, "placing");

    private static string List(string dataset, string traceId) => Path.Combine(Folder(dataset), traceId + Ending);

    private static List<string> Open(string dataset) =>
        Directory.Exists(Folder(dataset)) ? [.. Directory.EnumerateFiles(Folder(dataset), "*" + Ending).Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)] : [];

    /// <returns>null if it is none of ours: nothing outside of the trace's results is renamed.</returns>
    private static List<(string Temporary, string Path)>? Read(string dataset, string traceId, string list)
    {
        string[] lines = File.ReadAllLines(list);
        if (lines.Length == 0 || lines[^1] != End)
        {
            return null;
        }

        List<(string, string)> moves = [];
        foreach (string line in lines[..^1])
        {
            string[] parts = line.Split('\t');
            if (parts.Length != 2 || parts[0].Contains('/', StringComparison.Ordinal) || !parts[0].EndsWith(".tmp", StringComparison.Ordinal)
                || !parts[1].StartsWith(DatasetLayout.Results + "/", StringComparison.Ordinal) || !parts[1].EndsWith($"/{traceId}.parquet", StringComparison.Ordinal) || parts[1].Split('/').Contains(".."))
            {
                return null;
            }

            string path = Path.Combine(dataset, parts[1]);
            moves.Add((Path.Combine(Path.GetDirectoryName(path)!, parts[0]), path));
        }

        return moves;
    }
}
