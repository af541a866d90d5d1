using System.Text;

namespace TraceReplay.Analysis.Nightly;

/// <summary>What the nightly job keeps in a dataset, and how it writes files.</summary>
internal static class NightFiles
{
    public static string Folder(string dataset) => Path.Combine(dataset, "nightly");

    /// <summary>Whole or not at all.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            string temporary = path + ".tmp";
            using (FileStream file = new(temporary, FileMode.Create, FileAccess.Write))
            {
                write(file);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AnalysisException(AnalysisFailure.Environment, e.Message, e);
        }
    }

    public static void WriteText(string path, string text) => Write(path, file => file.Write(Encoding.UTF8.GetBytes(text)));
}
