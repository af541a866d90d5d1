using TraceReplay.Ingest.Tracefs;
using TraceReplay.Ingest.Tracefs.Layouts;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>An event that a release is known to record, and the ways in which texts show it.</summary>
/// <param name="FixedSize">Bytes of a record up to its last field of fixed size.</param>
internal sealed record CatalogEvent(string System, string Name, IReadOnlyList<EventField> Fields, int FixedSize, Layout[] Layouts)
{
    /// <summary>Of its own fields.</summary>
    public RecordShape Shape { get; } = new(Fields, FixedSize);

    /// <summary>Tries every layout.</summary>
    /// <param name="sure">Whether the text is known to come from this release.</param>
    /// <param name="shape">The record to make: it has the event's fields, and maybe more.</param>
    public bool Match(ReadOnlySpan<byte> text, EventWriter into, bool sure, RecordShape shape, TextEnd end = TextEnd.Sure)
    {
        if (end == TextEnd.Doubtful)
        {
            return false;
        }

        text = Shown(text);
        foreach (Layout layout in Layouts)
        {
            if (Match(layout, text, into, sure, shape, end))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Tries one layout.</summary>
    /// <param name="text">As <see cref="Shown"/> gives it.</param>
    public static bool Match(Layout layout, ReadOnlySpan<byte> text, EventWriter into, bool sure, RecordShape shape, TextEnd end)
    {
        if (!layout.MayMatch(text))
        {
            return false;
        }

        into.Begin(shape);
        return layout.Match(text, into, sure, end);
    }

    /// <summary>What shows the event's fields: libtraceevent prints what it cannot evaluate as raw fields, and says so before them.</summary>
    public static ReadOnlySpan<byte> Shown(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> failed = "[FAILED TO PARSE] "u8;
        return text.Length > 0 && text[0] == failed[0] && text.StartsWith(failed) ? text[failed.Length..] : text;
    }
}

/// <summary>
/// The events of one kernel release, with the ways in which texts show them. The text of a probe is always
/// <c>(where) field=value …</c>; that of a system call is <c>field: value, …</c>.
/// </summary>
internal sealed class EventCatalog
{
    private static readonly Lazy<IReadOnlyList<EventCatalog>> s_releases = new(() => [.. LayoutFile.Releases.Select(file => new EventCatalog(file))]);

    private static readonly Lazy<Dictionary<string, string>> s_systems = new(() =>
    {
        Dictionary<string, string> systems = new(LayoutFile.Shared.Systems);
        foreach (EventLayout known in LayoutFile.Releases.Reverse().Append(LayoutFile.Shared).SelectMany(f => f.Events))
        {
            systems[known.Name] = known.System;
        }

        return systems;
    });

    private readonly Dictionary<string, CatalogEvent> _events = [];
    private readonly Dictionary<string, ValueTable> _tables = [];

    private EventCatalog(LayoutFile file)
    {
        Release = file.Release;
        foreach (LayoutFile part in (LayoutFile[])[file, LayoutFile.Shared])
        {
            foreach ((string name, string values) in part.Tables)
            {
                _tables[name] = Table(values);
            }

            foreach (EventLayout known in part.Events.Where(e => e.Texts is not null))
            {
                _events[known.Name] = Compile(known);
            }
        }
    }

    /// <summary>The releases whose formats are known; where two fit a text equally well, the first is taken.</summary>
    public static IReadOnlyList<EventCatalog> Releases => s_releases.Value;

    public string Release { get; }

    public IReadOnlyDictionary<string, CatalogEvent> Events => _events;

    /// <summary>The system of an event that is known by name only.</summary>
    public static string? SystemOf(string name) => s_systems.Value.TryGetValue(name, out string? system) ? system
        : name.StartsWith("sys_e", StringComparison.Ordinal) ? "syscalls"
        : null;

    private CatalogEvent Compile(EventLayout known)
    {
        IReadOnlyList<EventField> fields = known.Fields;
        List<Layout> layouts = [.. known.Texts!.Select(text => Layout.Compile(text, fields, _tables))];
        if (known.IsProbe)
        {
            string at = fields.First(f => !f.Common).Name;
            IEnumerable<string> shown = fields.Where(f => !f.Common && !IsSite(f)).Select(f => f.IsString ? $"{f.Name}=\"{{{f.Name}:s}}\"" : $"{f.Name}={{{f.Name}}}");
            layouts.Add(Layout.Compile(string.Join(' ', shown.Prepend($"({{{at}!probe}})")), fields, _tables));
        }

        if (known.System == "syscalls")
        {
            bool exit = known.Name.StartsWith("sys_exit", StringComparison.Ordinal);
            IEnumerable<string> shown = fields.Where(f => !f.Common && f.Name != "__syscall_nr").Select(f => exit ? $"{{{f.Name}:#x}}" : $"{f.Name}: {{{f.Name}:#x}}");
            layouts.Add(Layout.Compile(string.Join(", ", shown), fields, _tables));
        }

        layouts.Add(Layout.Raw(fields, known.IsProbe ? fields.Where(IsSite).Select(f => f.Name).ToHashSet() : known.Hex));
        return new CatalogEvent(known.System, known.Name, fields, known.FixedSize, [.. layouts]);
    }

    private static bool IsSite(EventField field) => field.Name.StartsWith("__probe", StringComparison.Ordinal);

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
}
