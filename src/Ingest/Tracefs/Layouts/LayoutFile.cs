using System.Globalization;

namespace TraceReplay.Ingest.Tracefs.Layouts;

/// <summary>An event that a release is known to record.</summary>
/// <param name="Fields">The common fields first.</param>
/// <param name="Hex">Fields that raw prints show in hexadecimal even without 0x.</param>
/// <param name="Texts">How texts show it, in the notation of <see cref="FtraceText.Layout"/>; null if that is not known.</param>
internal sealed record EventLayout(string System, string Name, IReadOnlyList<EventField> Fields, IReadOnlySet<string> Hex, IReadOnlyList<string>? Texts)
{
    public bool IsProbe => Fields.Any(f => f.Name is "__probe_ip" or "__probe_func");

    /// <summary>Bytes of a record up to its last field of fixed size.</summary>
    public int FixedSize => Fields.Max(f => f.Offset + (f.Kind is FieldKind.TailString or FieldKind.TailBytes ? 0 : f.Size));
}

/// <summary>
/// What one kernel release records: a file beside this one. A kernel that is to be known is one file more. Its lines:
/// <list type="bullet">
/// <item><c>release 6.12 RANK</c>: where several releases fit equally well, that of the lowest rank is taken</item>
/// <item><c>event SYSTEM.NAME field:kindsize[x]@offset …</c>, where kind is u, s, b (bool), p (pointer), c (char array), t (dynamic
/// text), z (text to the end), B (bytes), D (dynamic bytes) and x says that raw prints show it in hexadecimal; <c>text LAYOUT</c>
/// lines follow, how texts show it. Probes and system calls have none: theirs always look the same</item>
/// <item><c>layout SYSTEM.NAME …</c>: the same for an event whose text is not known</item>
/// <item><c>table NAME value=text|…</c>: names that texts show for values</item>
/// <item><c>system NAME EVENT …</c>: which system events belong to that are known by name only</item>
/// </list>
/// The file <c>common</c> holds what all releases share. Records are those of 64-bit kernels.
/// </summary>
internal sealed class LayoutFile
{
    private const string Prefix = "layouts/";
    private const string Common = "common";

    private static readonly EventField[] s_common =
    [
        new("common_type", "unsigned short", 0, 2, false, FieldKind.Integer, false, true),
        new("common_flags", "unsigned char", 2, 1, false, FieldKind.Integer, false, true),
        new("common_preempt_count", "unsigned char", 3, 1, false, FieldKind.Integer, false, true),
        new("common_pid", "int", 4, 4, true, FieldKind.Integer, false, true),
    ];

    private static readonly Lazy<LayoutFile> s_shared = new(() => Load(Common));
    private static readonly Lazy<IReadOnlyList<LayoutFile>> s_releases = new(() =>
        [.. typeof(LayoutFile).Assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(Prefix, StringComparison.Ordinal) && n != Prefix + Common)
            .Select(n => Load(n[Prefix.Length..]))
            .OrderBy(f => f.Rank)]);

    private readonly List<EventLayout> _events = [];
    private readonly Dictionary<string, string> _tables = [];
    private readonly Dictionary<string, string> _systems = [];

    private LayoutFile(string release) => Release = release;

    /// <summary>All releases, by rank.</summary>
    public static IReadOnlyList<LayoutFile> Releases => s_releases.Value;

    /// <summary>What all releases share.</summary>
    public static LayoutFile Shared => s_shared.Value;

    /// <summary>The fields that every event starts with.</summary>
    public static IReadOnlyList<EventField> CommonFields => s_common;

    /// <summary><c>6.12</c>.</summary>
    public string Release { get; }

    public int Rank { get; private set; }

    public IReadOnlyList<EventLayout> Events => _events;

    /// <summary>By name: <c>value=text|…</c>.</summary>
    public IReadOnlyDictionary<string, string> Tables => _tables;

    /// <summary>The systems of events, by name.</summary>
    public IReadOnlyDictionary<string, string> Systems => _systems;

    /// <summary>A field by the letter for its kind.</summary>
    public static EventField Field(string name, char kind, int size, int offset) => new(name, kind == 'b' ? "bool" : "", offset, size, kind == 's', kind switch
    {
        'u' or 's' or 'b' => FieldKind.Integer,
        'p' => FieldKind.Pointer,
        'c' => FieldKind.CharArray,
        't' => FieldKind.DynamicString,
        'z' => FieldKind.TailString,
        'D' => FieldKind.DynamicBytes,
        _ => FieldKind.Bytes,
    }, false, false);

    private static LayoutFile Load(string name)
    {
        using Stream stream = typeof(LayoutFile).Assembly.GetManifestResourceStream(Prefix + name)
            ?? throw new InvalidOperationException($"the layouts of {name} are not in the assembly");
        using StreamReader reader = new(stream);
        LayoutFile file = new(name);
        List<string>? texts = null;
        while (reader.ReadLine() is { } line)
        {
            string[] words = line.Split(' ', 3);
            switch (words[0])
            {
                case "release":
                    file.Rank = int.Parse(words[2], CultureInfo.InvariantCulture);
                    break;
                case "table":
                    file._tables[words[1]] = words[2];
                    break;
                case "system":
                    foreach (string known in words[2].Split(' '))
                    {
                        file._systems[known] = words[1];
                    }

                    break;
                case "event" or "layout":
                    texts = words[0] == "event" ? [] : null;
                    file._events.Add(Event(words, texts));
                    break;
                case "text":
                    texts!.Add(line["text ".Length..]);
                    break;
            }
        }

        return file;
    }

    private static EventLayout Event(string[] words, List<string>? texts)
    {
        List<EventField> fields = [.. s_common];
        HashSet<string> hex = [];
        foreach (string field in words.Length > 2 ? words[2].Split(' ', StringSplitOptions.RemoveEmptyEntries) : [])
        {
            int colon = field.IndexOf(':');
            int at = field.IndexOf('@', colon);
            string kind = field[(colon + 1)..at];
            if (kind[^1] == 'x')
            {
                hex.Add(field[..colon]);
                kind = kind[..^1];
            }

            fields.Add(Field(field[..colon], kind[0], int.Parse(kind[1..], CultureInfo.InvariantCulture), int.Parse(field[(at + 1)..], CultureInfo.InvariantCulture)));
        }

        int dot = words[1].IndexOf('.');
        return new EventLayout(words[1][..dot], words[1][(dot + 1)..], fields, hex, texts);
    }
}
