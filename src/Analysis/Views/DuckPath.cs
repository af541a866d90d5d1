using System.Collections.Concurrent;
using System.Globalization;

namespace TraceReplay.Analysis.Views;

/// <summary>Paths as DuckDB's patterns can say them: they take every backslash for the end of a directory's name.</summary>
internal static class DuckPath
{
    private static readonly ConcurrentDictionary<string, string> s_links = new(StringComparer.Ordinal);

    static DuckPath() => AppDomain.CurrentDomain.ProcessExit += (_, _) =>
    {
        foreach (string link in s_links.Values)
        {
            File.Delete(link);
        }
    };

    /// <summary>The directory itself, or a link to it for as long as this process lives.</summary>
    public static string Of(string directory) => OperatingSystem.IsWindows() || !Path.GetFullPath(directory).Contains('\\', StringComparison.Ordinal)
        ? directory
        : s_links.GetOrAdd(Path.GetFullPath(directory), static path =>
        {
            string link = Path.Combine(Path.GetTempPath(), string.Create(CultureInfo.InvariantCulture, $"tracereplay-link-{Environment.ProcessId}-{Guid.NewGuid():N}"));
            Directory.CreateSymbolicLink(link, path);
            return link;
        });
}
