using System.Globalization;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>An event that a release is known to record, and the ways in which texts show it.</summary>
/// <param name="FixedSize">Bytes of a record up to its last field of fixed size.</param>
internal sealed record CatalogEvent(string System, string Name, IReadOnlyList<EventField> Fields, int FixedSize, IReadOnlyList<Layout> Layouts)
{
    /// <summary>Tries every layout.</summary>
    /// <param name="sure">Whether the text is known to come from this release.</param>
    /// <param name="fields">The fields of the record to make: the event's, and maybe more.</param>
    public bool Match(ReadOnlySpan<byte> text, EventWriter into, bool sure, IReadOnlyList<EventField> fields, int fixedSize)
    {
        // libtraceevent prints what it cannot evaluate as raw fields.
        if (text.StartsWith("[FAILED TO PARSE] "u8))
        {
            text = text["[FAILED TO PARSE] ".Length..];
        }

        foreach (Layout layout in Layouts)
        {
            into.Begin(fields, fixedSize);
            if (layout.Match(text, into, sure))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>
/// The events of one kernel release, from a file in Formats:
/// <c>table NAME value=text|…</c>; <c>event SYSTEM.NAME field:kindsize[x]@offset …</c>, where kind is u, s, p (pointer), c (char
/// array), t (dynamic text), z (text to the end), B (bytes), D (dynamic bytes) and x says that raw prints show it in hexadecimal;
/// <c>text LAYOUT</c> lines follow, in the notation of <see cref="Layout"/>. Probes have none: theirs is always
/// <c>(where) field=value …</c>; that of system calls is <c>field: value, …</c>. <c>system NAME EVENT …</c> says which system events belong to.
/// </summary>
internal sealed class EventCatalog
{
    private static readonly EventField[] s_common =
    [
        new("common_type", "unsigned short", 0, 2, false, FieldKind.Integer, false, true),
        new("common_flags", "unsigned char", 2, 1, false, FieldKind.Integer, false, true),
        new("common_preempt_count", "unsigned char", 3, 1, false, FieldKind.Integer, false, true),
        new("common_pid", "int", 4, 4, true, FieldKind.Integer, false, true),
    ];

    private static readonly Lazy<IReadOnlyList<EventCatalog>> s_releases = new(() =>
        [.. new[] { "6.12", "7.2", "6.18", "6.1" }.Select(r => Load(r, "common"))]);

    private readonly Dictionary<string, CatalogEvent> _events = [];
    private readonly Dictionary<string, ValueTable> _tables = [];

    private readonly Dictionary<string, string> _systems = [];

    private EventCatalog(string release) => Release = release;

    /// <summary>The releases whose formats are known; where two fit a text equally well, the first is taken.</summary>
    public static IReadOnlyList<EventCatalog> Releases => s_releases.Value;

    /// <summary>The fields that every event starts with, by the index that they have in every format.</summary>
    public static IReadOnlyList<EventField> CommonFields => s_common;

    public string Release { get; }

    public IReadOnlyDictionary<string, CatalogEvent> Events => _events;

    /// <summary>The system of an event that is known by name only.</summary>
    public static string? SystemOf(string name)
    {
        EventCatalog first = Releases[0];
        foreach (EventCatalog release in Releases)
        {
            if (release.Events.TryGetValue(name, out CatalogEvent? known))
            {
                return known.System;
            }
        }

        return first._systems.TryGetValue(name, out string? system) ? system
            : name.StartsWith("sys_e", StringComparison.Ordinal) ? "syscalls"
            : null;
    }

    private static EventCatalog Load(params string[] names)
    {
        EventCatalog catalog = new(names[0]);
        foreach (string name in names)
        {
            using Stream stream = typeof(EventCatalog).Assembly.GetManifestResourceStream($"formats/{name}.formats")
                ?? throw new InvalidOperationException($"{name}.formats is not in the assembly");
            using StreamReader reader = new(stream);
            catalog.Read(reader);
        }

        return catalog;
    }

    private void Read(TextReader reader)
    {
        (string System, string Name, List<EventField> Fields, HashSet<string> Hex)? current = null;
        List<Layout> layouts = [];
        for (string? line = reader.ReadLine(); ; line = reader.ReadLine())
        {
            string[] words = line?.Split(' ', 3) ?? [];
            if ((words.Length == 0 || words[0] == "event") && current is { } done)
            {
                Finish(done.System, done.Name, done.Fields, done.Hex, layouts);
                (current, layouts) = (null, []);
            }

            switch (words.FirstOrDefault())
            {
                case null:
                    return;
                case "table":
                    _tables[words[1]] = Table(words[2]);
                    break;
                case "system":
                    foreach (string name in words[2].Split(' '))
                    {
                        _systems[name] = words[1];
                    }

                    break;
                case "event":
                    (List<EventField> fields, HashSet<string> hex) = Fields(words.Length > 2 ? words[2] : "");
                    int dot = words[1].IndexOf('.');
                    current = (words[1][..dot], words[1][(dot + 1)..], fields, hex);
                    break;
                case "text":
                    layouts.Add(Layout.Compile(line!["text ".Length..], current!.Value.Fields, _tables));
                    break;
            }
        }
    }

    private void Finish(string system, string name, List<EventField> fields, HashSet<string> hex, List<Layout> layouts)
    {
        bool probe = fields.Any(f => f.Name is "__probe_ip" or "__probe_func");
        if (probe)
        {
            string at = fields.First(f => !f.Common).Name;
            IEnumerable<string> shown = fields.Where(f => !f.Common && !f.Name.StartsWith("__probe", StringComparison.Ordinal)).Select(f => f.IsString ? $"{f.Name}=\"{{{f.Name}:s}}\"" : $"{f.Name}={{{f.Name}}}");
            layouts.Add(Layout.Compile(string.Join(' ', shown.Prepend($"({{{at}!probe}})")), fields, _tables));
        }

        if (system == "syscalls")
        {
            IEnumerable<string> shown = fields.Where(f => !f.Common && f.Name != "__syscall_nr").Select(f => name.StartsWith("sys_exit", StringComparison.Ordinal) ? $"{{{f.Name}:#x}}" : $"{f.Name}: {{{f.Name}:#x}}");
            layouts.Add(Layout.Compile(string.Join(", ", shown), fields, _tables));
        }

        layouts.Add(Layout.Raw(fields, probe ? fields.Where(f => f.Name.StartsWith("__probe", StringComparison.Ordinal)).Select(f => f.Name).ToHashSet() : hex));
        int size = fields.Max(f => f.Offset + (f.Kind is FieldKind.TailString or FieldKind.TailBytes ? 0 : f.Size));
        _events[name] = new CatalogEvent(system, name, fields, size, layouts);
    }

    private static ValueTable Table(string text)
    {
        ValueTable table = new();
        foreach (string entry in text.Split('|'))
        {
            int equals = entry.IndexOf('=');
            table.Add(entry[(equals + 1)..], Layout.Value(entry[..equals]));
        }

        return table;
    }

    private static (List<EventField> Fields, HashSet<string> Hex) Fields(string text)
    {
        List<EventField> fields = [.. s_common];
        HashSet<string> hex = [];
        foreach (string field in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
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

        return (fields, hex);
    }

    /// <summary>A field by the catalog's letter for its kind.</summary>
    public static EventField Field(string name, char kind, int size, int offset) => new(name, "", offset, size, kind == 's', kind switch
    {
        'u' or 's' => FieldKind.Integer,
        'p' => FieldKind.Pointer,
        'c' => FieldKind.CharArray,
        't' => FieldKind.DynamicString,
        'z' => FieldKind.TailString,
        'D' => FieldKind.DynamicBytes,
        _ => FieldKind.Bytes,
    }, false, false);
}
