using TraceReplay.Ingest.Tracefs;
using TraceReplay.Ingest.Tracefs.Layouts;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>
/// An event whose format is not known: its keys become columns, typed by all values that the text shows for them, and the text
/// itself is kept in a column <c>text</c>.
/// </summary>
/// <param name="strict">The event is known, but its text is in no known form: what begins as a number and is none was damaged.</param>
internal sealed class GenericEvent(NameCache names, bool strict)
{
    // Bits for unknown fields, minus the common ones, the probe's address and the text.
    private const int MostKeys = 54;

    // The text's column is one more.
    private const int MostFields = 62;

    private readonly Dictionary<string, Key> _keys = [];
    private int _textField = -1;
    private int _addressField = -1;
    private int _returnField = -1;
    private bool _probe;
    private bool _returnProbe;

    public IReadOnlyList<EventField> Fields { get; private set; } = [];

    public int FixedSize { get; private set; }

    /// <summary>Functions that a probe's text names.</summary>
    public SortedSet<string> Functions { get; } = new(StringComparer.Ordinal);

    /// <summary>First reading: looks at the values.</summary>
    public void Learn(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> where = ProbeText.Where(text);
        if (!where.IsEmpty)
        {
            _probe = true;
            _returnProbe |= where.IndexOf(" <- "u8) >= 0;
            ProbeText.AddFunction(where, Functions, names);
        }

        KeyValues pairs = new(text);
        while (pairs.MoveNext())
        {
            if (IsDamaged(pairs.Value))
            {
                continue;
            }

            string name = names.Get(pairs.Key);
            if (!_keys.TryGetValue(name, out Key? key))
            {
                if (_keys.Count == MostKeys)
                {
                    continue;
                }

                _keys[name] = key = new Key();
            }

            key.Learn(pairs.Value);
        }
    }

    /// <summary>Between the readings: decides on fields and types.</summary>
    /// <param name="known">The event, if it is known by its name: then it has its own fields, too.</param>
    public void Settle(CatalogEvent? known)
    {
        List<EventField> fields = [.. known?.Fields.Where(f => f.Size > 0) ?? LayoutFile.CommonFields];
        int offset = known is null ? 8 : (known.FixedSize + 7) & ~7;
        int Add(string name, char kind, int size)
        {
            fields.Add(LayoutFile.Field(name, kind, size, offset));
            offset += 8;
            return fields.Count - 1;
        }

        if (_probe)
        {
            _addressField = Add(_returnProbe ? "__probe_func" : "__probe_ip", 'u', 8);
            _returnField = _returnProbe ? Add("__probe_ret_ip", 'u', 8) : -1;
        }

        foreach ((string name, Key key) in _keys)
        {
            int own = fields.FindIndex(f => f.Name == name);
            if (own >= 0)
            {
                // Whether digits without 0x are hexadecimal is the known form's to say, and this is none.
                key.Field = fields[own].IsNumber && key.IsPlain && key.Kind != 't' ? own : -1;
                continue;
            }

            if (fields.Count == MostFields)
            {
                key.Field = -1;
                continue;
            }

            key.Field = Add(name, key.Kind, key.Kind == 't' ? 4 : 8);
        }

        _textField = Add("text", 't', 4);
        (Fields, FixedSize) = (fields, offset);
    }

    /// <summary>Second reading: fills a record that was begun.</summary>
    public void Fill(ReadOnlySpan<byte> text, EventWriter into)
    {
        if (_probe)
        {
            ReadOnlySpan<byte> where = ProbeText.Where(text);
            if (!where.IsEmpty && (where.IndexOf(" <- "u8) >= 0) == _returnProbe)
            {
                ProbeText.TakeAddresses(where, _addressField, _returnField, into);
            }
        }

        ulong seen = 0;
        KeyValues pairs = new(text);
        while (pairs.MoveNext())
        {
            if (_keys.TryGetValue(names.Get(pairs.Key), out Key? key) && key.Field >= 0 && !IsDamaged(pairs.Value) && (seen >> key.Field & 1) == 0)
            {
                seen |= 1UL << key.Field;
                if (key.Kind == 't')
                {
                    into.Text(key.Field, pairs.Value);
                }
                else if (AsciiText.Number(pairs.Value, out ulong value) > 0)
                {
                    into.Number(key.Field, value);
                }
            }
        }

        into.Text(_textField, text);
    }

    private bool IsDamaged(ReadOnlySpan<byte> value) =>
        strict && value.Length > 0 && (AsciiText.IsDigit(value[0]) || value[0] == '-') && AsciiText.Number(value, out _) != value.Length;

    private sealed class Key
    {
        private bool _number = true;
        private bool _negative;
        private bool _large;
        private bool _hex;
        private bool _bareDigits;

        public int Field { get; set; }

        /// <summary>s, u or t: only what is a number in every row is one, and addresses are unsigned.</summary>
        public char Kind => !_number || (_negative && _large) ? 't' : _negative || !(_hex || _large) ? 's' : 'u';

        /// <summary>Its values are numbers that can be read in one way only.</summary>
        public bool IsPlain => _number && !_bareDigits;

        public void Learn(ReadOnlySpan<byte> value)
        {
            _bareDigits |= value.Length > 1 && !value.StartsWith("0x"u8);
            if (!_number)
            {
                return;
            }

            _number = AsciiText.Number(value, out ulong number) == value.Length && !value.IsEmpty;
            bool minus = _number && value[0] == '-';
            _negative |= minus;
            _large |= !minus && number > long.MaxValue;
            _hex |= value.StartsWith("0x"u8);
        }
    }
}
