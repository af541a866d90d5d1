using System.Globalization;
using System.Text.RegularExpressions;

namespace TraceReplay.Ingest.Dataset;

/// <summary>A mapping of the VMM, as /proc/PID/maps or smaps has it.</summary>
/// <param name="Start">First address.</param>
/// <param name="End">First address behind it.</param>
/// <param name="Permissions">rwxp or rwxs.</param>
/// <param name="Name">File, device or [heap]; empty for anonymous memory.</param>
/// <param name="PfnMap">VmFlags has pf; null where no VmFlags are there.</param>
/// <param name="Io">VmFlags has io; null likewise.</param>
public sealed record HostMapping(ulong Start, ulong End, string Permissions, string Name, bool? PfnMap, bool? Io);

/// <summary>
/// What the VMM's address space looked like, from files beside the capture: <c>CAPTURE.maps</c>, or the capture's name without its
/// endings and <c>.maps</c>, also <c>.smaps</c>; a name may go on (<c>.maps-ready.txt</c>), so that several moments can lie there.
/// </summary>
public static partial class HostMaps
{
    private const long Largest = 64 << 20;

    private static readonly string[] s_endings = [".zst", ".gz", ".xz", ".bz2", ".dat", ".data", ".txt", ".nettrace", ".trace", ".perf"];

    /// <summary>The files that belong to a capture, by name. None for standard input.</summary>
    public static IReadOnlyList<string> Beside(string capture)
    {
        if (capture == "-" || Path.GetDirectoryName(Path.GetFullPath(capture)) is not { } folder || !Directory.Exists(folder))
        {
            return [];
        }

        string[] stems = [.. Stems(Path.GetFileName(capture)).SelectMany(stem => new[] { stem + ".maps", stem + ".smaps" })];
        return
        [
            .. Directory.EnumerateFiles(folder, "*maps*")
                .Where(path => Path.GetFileName(path) is { } name && stems.Any(stem => name.StartsWith(stem, StringComparison.Ordinal) && (name.Length == stem.Length || name[stem.Length] is '-' or '.')))
                .Where(path => new FileInfo(path).Length <= Largest)
                .Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>The mappings of a text; lines that are none are passed over.</summary>
    public static IReadOnlyList<HostMapping> Parse(IEnumerable<string> lines)
    {
        List<HostMapping> all = [];
        foreach (string line in lines)
        {
            if (Flags().Match(line) is { Success: true } flags && all.Count > 0)
            {
                all[^1] = WithFlags(all[^1], flags.Groups[1].Value);
                continue;
            }

            int bar = line.IndexOf(" | VmFlags:", StringComparison.Ordinal);
            if (Mapping().Match(bar < 0 ? line : line[..bar]) is { Success: true } m
                && ulong.TryParse(m.Groups[1].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong start)
                && ulong.TryParse(m.Groups[2].ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong end) && end > start)
            {
                HostMapping mapping = new(start, end, m.Groups[3].Value, m.Groups[4].Value.Trim().Replace(" (deleted)", "", StringComparison.Ordinal), null, null);
                all.Add(bar < 0 ? mapping : WithFlags(mapping, line[(bar + 11)..]));
            }
        }

        return all;
    }

    /// <summary>Brings what lies beside a capture into the dataset; without such a file nothing is written.</summary>
    internal static void Write(string capture, string path, string traceId)
    {
        List<(string File, HostMapping Mapping)> rows = [.. Beside(capture).SelectMany(file => Parse(File.ReadLines(file)).Select(mapping => (Path.GetFileName(file), mapping)))];
        if (rows.Count == 0)
        {
            return;
        }

        StringColumn trace = new("trace_id", nullable: false);
        StringColumn file = new("file", nullable: false);
        Column<ulong> start = new("start_hva");
        Column<ulong> end = new("end_hva");
        StringColumn permissions = new("permissions", nullable: false);
        StringColumn name = new("name", nullable: false);
        Column<bool> pfnMap = new("pfnmap", nullable: true);
        Column<bool> io = new("io", nullable: true);
        using TableWriter table = new(path, [trace, file, start, end, permissions, name, pfnMap, io]);
        foreach ((string source, HostMapping mapping) in rows)
        {
            trace.Add(traceId);
            file.Add(source);
            start.Add(mapping.Start);
            end.Add(mapping.End);
            permissions.Add(mapping.Permissions);
            name.Add(mapping.Name);
            pfnMap.Add(mapping.PfnMap);
            io.Add(mapping.Io);
            table.EndRow();
        }

        table.Complete();
    }

    private static HostMapping WithFlags(HostMapping mapping, string flags)
    {
        string[] words = flags.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return mapping with { PfnMap = words.Contains("pf"), Io = words.Contains("io") };
    }

    private static IEnumerable<string> Stems(string name)
    {
        yield return name;
        while (s_endings.FirstOrDefault(ending => name.Length > ending.Length && name.EndsWith(ending, StringComparison.OrdinalIgnoreCase)) is { } found)
        {
            name = name[..^found.Length];
            yield return name;
        }
    }

    [GeneratedRegex(@"^([0-9a-f]{1,16})-([0-9a-f]{1,16}) ([-r][-w][-x][ps]) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ \d+\s*(.*)$")]
    private static partial Regex Mapping();

    [GeneratedRegex(@"^VmFlags:(.*)$")]
    private static partial Regex Flags();
}
