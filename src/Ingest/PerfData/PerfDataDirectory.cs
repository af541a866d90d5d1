using System.Globalization;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.PerfData;

/// <summary>The directory that <c>perf record --threads</c> or <c>--kcore</c> writes (spec/trace-formats 4.4).</summary>
public static class PerfDataDirectory
{
    private const string MainFile = "data";
    private const int FeatureDirFormat = 24;

    /// <summary>Whoever names the main file means the directory, as the records are in its other files.</summary>
    /// <returns>As <see cref="Files"/>; null if the file is not the main one of such a directory.</returns>
    public static IReadOnlyList<string>? FilesBeside(string path)
    {
        if (Path.GetFileName(path) != MainFile)
        {
            return null;
        }

        try
        {
            using CaptureFile file = new(path);
            return PerfHeader.Read(file).Features.Contains(FeatureDirFormat) ? Files(Path.GetDirectoryName(Path.GetFullPath(path))!) : null;
        }
        catch (CaptureException)
        {
            // Not a perf.data; whatever it is, the formats will judge it.
            return null;
        }
    }

    /// <returns>The file with the header, then those of the recording threads; null if the directory is no perf.data.</returns>
    public static IReadOnlyList<string>? Files(string directory)
    {
        string main = Path.Combine(directory, MainFile);
        if (!File.Exists(main))
        {
            return null;
        }

        using (CaptureFile file = new(main))
        {
            Span<byte> head = stackalloc byte[8];
            if (!PerfHeader.IsMagic(head[..file.Read(0, head)]))
            {
                return null;
            }
        }

        List<(int Number, string Path)> others = [];
        foreach (string path in Directory.EnumerateFiles(directory, MainFile + ".*"))
        {
            // The pattern finds the main file too.
            if (int.TryParse(Path.GetExtension(path.AsSpan()).TrimStart('.'), NumberStyles.None, CultureInfo.InvariantCulture, out int number))
            {
                others.Add((number, path));
            }
        }

        return [main, .. others.Order().Select(o => o.Path)];
    }
}
