using TraceReplay.Ingest.Dataset;

namespace TraceReplay.Analysis;

/// <summary>
/// Files that appear under their name whole or not at all. Until then a file has a name of the process's own, so that two processes
/// do not write one file; what a killed process left of it is removed by the next that writes the same file.
/// </summary>
public static class WholeFile
{
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
        TemporaryFile.RemoveLeftovers(path);
        string temporary = TemporaryFile.For(path);
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
}
