namespace TraceReplay.Ingest.FtraceText.Repair;

/// <summary>Whether a text is an event in a form that some release has.</summary>
internal sealed class EventForms(TextDialect dialect)
{
    private const int MostNoteWords = 24;

    private static readonly System.Buffers.SearchValues<byte> s_wordEnds = System.Buffers.SearchValues.Create(" \t,.;:"u8);

    private readonly Dictionary<string, CatalogEvent[]> _events = new(StringComparer.Ordinal);
    private readonly NameCache _names = new();
    private readonly EventWriter _scratch = new();
    private readonly byte[] _composed = new byte[TextSurvey.LongestName];

    /// <summary>What a text is, as far as the catalog tells.</summary>
    /// <param name="Named">It has an event's name.</param>
    /// <param name="Known">The catalog has forms of the event.</param>
    /// <param name="Fits">It is in one of them.</param>
    public readonly record struct Verdict(bool Named, bool Known, bool Fits);

    /// <param name="body">Event and payload.</param>
    public Verdict Judge(ReadOnlySpan<byte> body)
    {
        if (!dialect.TrySplit(body, _composed, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload) || !IsName(name))
        {
            return default;
        }

        if (dialect.HasLines(body))
        {
            return new Verdict(true, false, false); // what somebody prints has no form
        }

        CatalogEvent[] forms = Forms(name);
        return new Verdict(true, forms.Length > 0, Fits(forms, payload, dialect.FromReport(body), TextEnd.Sure));
    }

    /// <summary>Whether something stands behind the event's name.</summary>
    public bool HasPayload(ReadOnlySpan<byte> body) => dialect.TrySplit(body, _composed, out _, out ReadOnlySpan<byte> payload) && !payload.IsEmpty;

    /// <summary>Where the note begins that somebody wrote behind an event.</summary>
    /// <returns>-1 if what stands before is in no known form.</returns>
    public int NoteAt(ReadOnlySpan<byte> body)
    {
        if (!dialect.TrySplit(body, _composed, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> payload) || Forms(name) is not { Length: > 0 } forms || payload.IsEmpty || dialect.HasLines(body))
        {
            return -1;
        }

        bool report = dialect.FromReport(body);
        int start = body.Length - payload.Length;
        if (!body[start..].SequenceEqual(payload))
        {
            return -1; // a system call's payload is no end of the text
        }

        int end = payload.Length;
        for (int words = 0; words < MostNoteWords; words++)
        {
            int blank = payload[..end].LastIndexOfAny(" \t"u8);
            if (blank < 0)
            {
                return -1;
            }

            end = AsciiText.TrimEnd(payload[..blank]).Length;
            if (IsNote(AsciiText.TrimStart(payload[blank..])) && Fits(forms, payload[..end], report, TextEnd.Noted))
            {
                return start + end;
            }
        }

        return -1;
    }

    /// <summary>Where an arrow begins that points at a line of any event; -1 if there is none.</summary>
    public static int ArrowAt(ReadOnlySpan<byte> body)
    {
        foreach (ReadOnlySpan<byte> arrow in new ArrowList())
        {
            int at = body.IndexOf(arrow);
            if (at > 0)
            {
                return AsciiText.TrimEnd(body[..at]).Length;
            }
        }

        return -1;
    }

    // A number behind a payload may be the rest of its last value.
    private static bool IsNote(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
        {
            return false;
        }

        int end = text.IndexOfAny(s_wordEnds);
        ReadOnlySpan<byte> word = end < 0 ? text : text[..end];
        return !AsciiText.IsDigit(text[0]) && AsciiText.Hex(word, out _) != word.Length && word.IndexOf((byte)'=') < 0;
    }

    private static bool IsName(ReadOnlySpan<byte> name) => !name.IsEmpty && name.IndexOfAny(" \t"u8) < 0;

    private bool Fits(CatalogEvent[] forms, ReadOnlySpan<byte> payload, bool report, TextEnd end)
    {
        _scratch.FromReport = report;
        foreach (CatalogEvent form in forms)
        {
            if (form.Match(payload, _scratch, sure: false, form.Shape, end))
            {
                return true;
            }
        }

        return false;
    }

    private CatalogEvent[] Forms(ReadOnlySpan<byte> name)
    {
        int colon = name.IndexOf((byte)':');
        string key = _names.Get(name);
        if (!_events.TryGetValue(key, out CatalogEvent[]? forms))
        {
            string alone = colon > 0 ? key[(colon + 1)..] : key;
            string? system = colon > 0 ? key[..colon] : null;
            forms = [.. EventCatalog.Releases.Select(r => r.Events.GetValueOrDefault(alone)).OfType<CatalogEvent>().Where(e => system is null || e.System == system)];
            _events[key] = forms;
        }

        return forms;
    }

    private ref struct ArrowList
    {
        private int _next;

        public ArrowList()
        {
        }

        public readonly ReadOnlySpan<byte> Current => _next switch
        {
            1 => " <--"u8,
            2 => " <=="u8,
            3 => "\t<--"u8,
            4 => " ←"u8,
            _ => " ⟵"u8,
        };

        public bool MoveNext() => ++_next <= 5;

        public readonly ArrowList GetEnumerator() => this;
    }
}
