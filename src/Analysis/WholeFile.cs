using System.Diagnostics;
using System.Globalization;

namespace TraceReplay.Analysis;

/// <summary>
/// Files that appear under their name whole or not at all. Until then a file has a name of the process's own, so that two processes
/// do not write one file; what a killed process left of it is removed by the next that writes the same file.
/// </summary>
public static class WholeFile
{
    private const string Ending = ".tmp";

    /// <exception cref="IOException">It could not be written.</exception>
    public static void Write(string path, Action<Stream> content) => Make(path, temporary =>
    {
        using FileStream output = File.Create(temporary);
        content(output);
    });

    /// <param name="path">The file to write or replace.</param>
    /// <param name="make">Writes the file of the name that it is given.</param>
    /// <exception cref="IOException">It could not be written.</exception>
    public static void Make(string path, Action<string> make)
    {
        string own = $"{path}.{Environment.MachineName}.";
        RemoveLeftovers(own);
        string temporary = string.Create(CultureInfo.InvariantCulture, $"{own}{Environment.ProcessId}{Ending}");
        try
        {
            make(temporary);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static void RemoveLeftovers(string own)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(own))!;
        string begin = Path.GetFileName(own);
        try
        {
            foreach (string name in Directory.EnumerateFiles(folder, "*" + Ending).Select(f => Path.GetFileName(f)))
            {
                if (name.StartsWith(begin, StringComparison.Ordinal)
                    && int.TryParse(name.AsSpan(begin.Length, name.Length - begin.Length - Ending.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int process)
                    && process != Environment.ProcessId && !IsAlive(process))
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
