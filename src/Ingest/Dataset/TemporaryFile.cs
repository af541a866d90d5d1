using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// Names for files that are not whole yet: of the machine, the process and the file alone, so that two writers never share one. What a
/// killed process left is removed by the next that writes into the same directory.
/// </summary>
public static class TemporaryFile
{
    private const string Ending = ".tmp";
    private const int LongestName = 120;

    private static readonly DateTime s_began = Process.GetCurrentProcess().StartTime.ToUniversalTime();
    private static int s_count;

    /// <summary>A name beside <paramref name="path"/> that nothing else has or will have.</summary>
    public static string For(string path) => string.Create(
        CultureInfo.InvariantCulture, $"{Begin(path)}{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}{Ending}");

    /// <summary>Removes what processes of this machine that are gone left in the directory of <paramref name="path"/>.</summary>
    /// <param name="all">Of all files there; else only of <paramref name="path"/>.</param>
    public static void RemoveLeftovers(string path, bool all = false)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        string begin = all ? "" : Path.GetFileName(Begin(path));
        try
        {
            foreach (string name in Directory.EnumerateFiles(folder, "*" + Ending).Select(f => Path.GetFileName(f)))
            {
                if (name.StartsWith(begin, StringComparison.Ordinal) && IsLeftover(folder, name))
                {
                    File.Delete(Path.Combine(folder, name));
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A leftover is a nuisance; that the file cannot be written is told where it is written.
        }
    }

    private static bool IsLeftover(string folder, string name)
    {
        string stem = name[..^Ending.Length];
        int dot = stem.LastIndexOf('.');
        return dot > 0 && stem.AsSpan(0, dot).EndsWith("." + Environment.MachineName, StringComparison.Ordinal)
            && int.TryParse(stem[(dot + 1)..].Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out int process)
            && (process == Environment.ProcessId ? File.GetLastWriteTimeUtc(Path.Combine(folder, name)) < s_began : !IsAlive(process));
    }

    // A file system takes names of 255 bytes.
    private static string Begin(string path)
    {
        string name = Path.GetFileName(path);
        if (Encoding.UTF8.GetByteCount(name) > LongestName)
        {
            name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 8));
        }

        return Path.Combine(Path.GetDirectoryName(path) ?? "", $"{name}.{Environment.MachineName}.");
    }

    private static bool IsAlive(int process)
    {
        try
        {
            using Process found = Process.GetProcessById(process);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
