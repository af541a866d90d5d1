using System.Globalization;

namespace TraceReplay.Ingest.Tracefs;

/// <summary>What one kind of event records: the parsed text of <c>events/SYSTEM/NAME/format</c>.</summary>
public sealed class EventFormat
{
    public required string System { get; init; }

    public required string Name { get; init; }

    /// <summary>The number in <c>common_type</c>; the kernel gives a new one at every boot.</summary>
    public required int Id { get; init; }

    /// <summary>Common fields first, then the event's own, in recorded order.</summary>
    public required IReadOnlyList<EventField> Fields { get; init; }

    /// <summary>Byte order of the values in a record.</summary>
    public bool BigEndian { get; set; }

    /// <summary>Records may lack fields, as a text does not show all that was recorded. Such a format has 64 fields at most.</summary>
    public bool Nullable { get; init; }

    /// <summary>Kernel functions that a probe was seen on, where the capture names them instead of giving addresses.</summary>
    public SortedSet<string> ProbeFunctions { get; } = new(StringComparer.Ordinal);

    /// <summary>The text that the capture recorded for it, in Latin-1; null where it recorded none, or more of them than are kept.</summary>
    public byte[]? Text { get; set; }

    /// <summary>Dense number of this format within its capture.</summary>
    public int Index { get; internal set; } = -1;

    /// <summary>Bytes that every record has at least: up to the end of the last field of fixed size.</summary>
    public int FixedSize { get; init; }

    /// <summary>Set where another event of the capture has the same name and records something else.</summary>
    internal string? Alias { get; set; }

    /// <summary>The event's name, or the one that keeps it apart from another of that name.</summary>
    public string UniqueName => Alias ?? Name;

    /// <summary><c>system.name</c>, the table's name in a dataset. Formats share it only if they record the same fields.</summary>
    public string FullName => $"{System}.{UniqueName}";

    /// <summary>Whether records of both can stand in one table.</summary>
    internal bool HasFieldsOf(EventFormat other) =>
        BigEndian == other.BigEndian && Nullable == other.Nullable && FixedSize == other.FixedSize && Fields.SequenceEqual(other.Fields);

    public EventField? Field(string name)
    {
        foreach (EventField f in Fields)
        {
            if (f.Name == name)
            {
                return f;
            }
        }

        return null;
    }
}

/// <summary>The event formats of one capture, by id.</summary>
public sealed class EventFormatTable
{
    private readonly List<EventFormat> _all = [];
    private readonly Dictionary<string, EventFormat> _byName = new(StringComparer.OrdinalIgnoreCase);
    private EventFormat?[] _byId = new EventFormat?[512];

    public IReadOnlyList<EventFormat> All => _all;

    /// <summary>Ids are 16 bits wide in a record; a second format with the same id is ignored, as the first one was in use.</summary>
    public bool Add(EventFormat format)
    {
        if (format.Id is < 0 or > ushort.MaxValue)
        {
            return false;
        }

        if (format.Id >= _byId.Length)
        {
            Array.Resize(ref _byId, Math.Min(ushort.MaxValue + 1, Math.Max(_byId.Length * 2, format.Id + 1)));
        }

        if (_byId[format.Id] is not null)
        {
            return false;
        }

        _byId[format.Id] = format;
        AddWithoutId(format);
        return true;
    }

    /// <summary>Adds a format whose records do not carry its id.</summary>
    public void AddWithoutId(EventFormat format)
    {
        if (!_byName.TryAdd(format.FullName, format) && !_byName[format.FullName].HasFieldsOf(format))
        {
            string apart = string.Create(CultureInfo.InvariantCulture, $"{format.Name}_id{format.Id}");
            format.Alias = apart;
            for (int n = 2; !_byName.TryAdd(format.FullName, format); n++)
            {
                format.Alias = string.Create(CultureInfo.InvariantCulture, $"{apart}_{n}");
            }
        }

        format.Index = _all.Count;
        _all.Add(format);
    }

    public EventFormat? ById(int id) => (uint)id < (uint)_byId.Length ? _byId[id] : null;
}
