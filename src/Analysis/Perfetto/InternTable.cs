using TraceReplay.Ingest.Capture;

namespace TraceReplay.Analysis.Perfetto;

/// <summary>The interning ids of one field of InternedData. Bounded: what a trace has ever more of is not worth an id.</summary>
internal sealed class InternTable
{
    private const int MaxEntries = 4096;

    private readonly Dictionary<string, ulong> _ids = new(StringComparer.Ordinal);

    /// <summary>The id of a text; 0 if the table is full.</summary>
    /// <param name="isNew">The packet that uses the id must define it.</param>
    public ulong Id(string text, out bool isNew)
    {
        isNew = false;
        text = Printable.Line(text);
        if (_ids.TryGetValue(text, out ulong id))
        {
            return id;
        }

        if (_ids.Count >= MaxEntries)
        {
            return 0;
        }

        isNew = true;
        id = (ulong)_ids.Count + 1;
        _ids.Add(text, id);
        return id;
    }
}
