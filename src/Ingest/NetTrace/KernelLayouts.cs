using System.Globalization;
using System.Text;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>A layout that some kernels give to the records of an event.</summary>
/// <param name="Kernels">Releases, oldest first, as <c>6.12</c>.</param>
internal sealed record KernelLayout(IReadOnlyList<string> Kernels, EventFormat Format);

/// <summary>Known layouts of kernel tracepoints, from <c>KernelLayouts.txt</c>.</summary>
internal static class KernelLayouts
{
    /// <summary>What every record of a 64-bit kernel begins with.</summary>
    private const string CommonFields =
        "field:unsigned short common_type; offset:0; size:2; signed:0;\n" +
        "field:unsigned char common_flags; offset:2; size:1; signed:0;\n" +
        "field:unsigned char common_preempt_count; offset:3; size:1; signed:0;\n" +
        "field:int common_pid; offset:4; size:4; signed:1;\n\n";

    private static readonly Lazy<Dictionary<string, List<string[]>>> s_sections = new(ReadSections);

    /// <summary>Bytes of the common fields.</summary>
    public const int CommonSize = 8;

    public static string[] CommonNames { get; } = ["common_type", "common_flags", "common_preempt_count", "common_pid"];

    /// <summary>All releases, oldest first.</summary>
    public static IReadOnlyList<string> Kernels => ["6.1", "6.12", "6.18", "7.2"];

    /// <summary>The layouts of one event, those of older kernels first.</summary>
    /// <param name="id">What the result's <see cref="EventFormat.Id"/> shall be.</param>
    public static IReadOnlyList<KernelLayout> Find(string system, string name, int id)
    {
        if (!s_sections.Value.TryGetValue($"{system}:{name}", out List<string[]>? sections))
        {
            return [];
        }

        return [.. sections.Select(lines => new KernelLayout(
            lines[0][(lines[0].IndexOf(' ', StringComparison.Ordinal) + 1)..].Split(','),
            Build(system, name, id, lines.Skip(1).Select(Field))))];
    }

    /// <summary>Makes a format of the common fields and others that lie behind them.</summary>
    /// <param name="fields">Lines <c>field:…</c> of a format file.</param>
    public static EventFormat Build(string system, string name, int id, IEnumerable<string> fields)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"name: {name}\nID: {id}\nformat:\n{CommonFields}");
        text.AppendJoin('\n', fields);
        return EventFormatParser.Parse(system, text.ToString()) ?? throw new InvalidDataException($"the layout of {system}:{name}");
    }

    private static string Field(string line)
    {
        string[] parts = line.Trim().Split(';');
        return $"field:{parts[0]}; offset:{parts[1]}; size:{parts[2]}; signed:{parts[3]};";
    }

    private static Dictionary<string, List<string[]>> ReadSections()
    {
        using Stream resource = typeof(KernelLayouts).Assembly.GetManifestResourceStream("NetTrace.KernelLayouts.txt")!;
        using StreamReader reader = new(resource);
        Dictionary<string, List<string[]>> sections = [];
        List<string> section = [];
        while (true)
        {
            string? line = reader.ReadLine();
            if (section.Count > 0 && (line is null || line[0] != '\t'))
            {
                string name = section[0][..section[0].IndexOf(' ', StringComparison.Ordinal)];
                (sections.TryGetValue(name, out List<string[]>? known) ? known : sections[name] = []).Add([.. section]);
                section.Clear();
            }

            if (line is null)
            {
                return sections;
            }

            if (line[0] != '#')
            {
                section.Add(line);
            }
        }
    }
}
