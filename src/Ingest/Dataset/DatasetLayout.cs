using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace TraceReplay.Ingest.Dataset;

/// <summary>Where things lie in a dataset (contract section 2).</summary>
public static class DatasetLayout
{
    /// <summary>Characters of a name that is given to a directory.</summary>
    private const int LongestName = 200;

    public const string Events = "events";
    public const string Results = "results";
    public const string Traces = "traces";
    public const string LostEvents = "lost_events";
    public const string ProbeSites = "probe_sites";
    public const string HostMaps = "host_maps";

    public static string ManifestDirectory(string dataset) => Path.Combine(dataset, Traces, "manifests");

    /// <summary>Manifests folded by day; a folder of their own, which is small where the other may hold thousands of files.</summary>
    public static string DayManifestDirectory(string dataset) => Path.Combine(dataset, Traces, "days");

    public static string Manifest(string dataset, string traceId) => Path.Combine(ManifestDirectory(dataset), traceId + ".json");

    /// <summary>Where tables are written of a capture whose id is not known yet.</summary>
    public static string Unnamed(string dataset) => Path.Combine(dataset, Traces, "unnamed");

    /// <param name="fullName"><c>system.event</c></param>
    public static string Event(string dataset, string fullName, DateOnly date, string host, string traceId) =>
        Partition(Path.Combine(dataset, Events, Safe(fullName)), date, host, traceId);

    public static string Result(string dataset, string table, DateOnly date, string host, string traceId) =>
        Partition(Path.Combine(dataset, Results, Safe(table)), date, host, traceId);

    public static string TraceTable(string dataset, string table, DateOnly date, string host, string traceId) =>
        Partition(Path.Combine(dataset, Traces, table), date, host, traceId);

    /// <summary>Hive's escapes: a name cannot leave its directory, and reads back as it was.</summary>
    public static string Safe(string name)
    {
        if (name.Length > 0 && name.All(IsPlain) && name.Trim('.').Length > 0)
        {
            return Short(name, name);
        }

        StringBuilder s = new();
        bool dots = name.Trim('.').Length == 0;
        foreach (byte b in Encoding.UTF8.GetBytes(name))
        {
            if (IsPlain((char)b) && !(dots && b == (byte)'.'))
            {
                s.Append((char)b);
            }
            else
            {
                s.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
            }
        }

        return s.Length == 0 ? "__HIVE_DEFAULT_PARTITION__" : Short(s.ToString(), name);
    }

    // A file system takes 255 bytes, and ".parquet", "host=" and a temporary ending stand beside the name. No other name has a "~".
    private static string Short(string escaped, string name) => escaped.Length <= LongestName
        ? escaped
        : $"{escaped.AsSpan(0, LongestName - 40).TrimEnd('%')}~{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name)).AsSpan(0, 8))}";

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.';

    private static string Partition(string table, DateOnly date, string host, string traceId) =>
        Path.Combine(table, string.Create(CultureInfo.InvariantCulture, $"date={date:yyyy-MM-dd}"), "host=" + Safe(host), traceId + ".parquet");
}
