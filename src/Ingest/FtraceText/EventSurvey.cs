using TraceReplay.Ingest.Tracefs;
using TraceReplay.Ingest.Tracefs.Layouts;

namespace TraceReplay.Ingest.FtraceText;

/// <summary>What is known of the events of one name: which release's layouts fit them, or, where none does, what keys they show.</summary>
internal sealed class EventSurvey
{
    private static readonly System.Buffers.SearchValues<char> s_modifiers = System.Buffers.SearchValues.Create("uhpPkGHSDIWe");

    private readonly CatalogEvent?[] _candidates;
    private readonly long[] _matched;
    private readonly int[] _sameAs;
    private readonly int[][] _forms;
    private readonly Trial[] _tried;
    private readonly NameCache _names;
    private readonly EventWriter _scratch;
    private readonly bool _probe;
    private readonly bool _isKnown;
    private readonly string? _system;
    private readonly string _unknownSystem;
    private readonly SortedSet<string> _functions = new(StringComparer.Ordinal);
    private readonly GenericEvent _generic;
    private readonly int _isa;
    private CatalogEvent? _chosen;
    private int _textField = -1;
    private bool _sure;
    private bool _unread;
    private long[] _unknown = [];
    private long _rows;
    private long _unfit;
    private long _misfits;
    private bool _periods;
    private bool _stacks;
    private int _periodField = -1;
    private int _stackField = -1;
    private IReadOnlyList<EventField> _fields = [];
    private int _fixedSize;
    private RecordShape? _shape;
    private ulong _lastNulls;
    private long _lastNullsRows;

    /// <param name="unknownSystem">The system of an event whose own is known from nowhere.</param>
    public EventSurvey(string name, string unknownSystem, NameCache names, EventWriter scratch)
    {
        // perf names system:event; what follows a colon otherwise is a modifier, as in cycles:u.
        int colon = name.IndexOf(':');
        (_system, Name) = colon > 0 && name.AsSpan(colon + 1).ContainsAnyExcept(s_modifiers) ? (name[..colon], name[(colon + 1)..]) : (null, name);
        name = Name;
        _unknownSystem = unknownSystem;
        _names = names;
        _scratch = scratch;
        _candidates = [.. EventCatalog.Releases.Select(r => r.Events.GetValueOrDefault(name)).Select(c => _system is null || c?.System == _system ? c : null)];
        _matched = new long[_candidates.Length];
        _sameAs = [.. Enumerable.Range(0, _candidates.Length).Select(i => Array.FindIndex(_candidates, c => Same(c, _candidates[i])))];

        // The same field in all releases.
        _isa = (name is "kvm_exit" or "kvm_nested_vmexit") && _candidates[0] is { } exit ? Enumerable.Range(0, exit.Fields.Count).First(i => exit.Fields[i].Name == "isa") : -1;
        _forms = Forms(out int forms);
        _tried = new Trial[forms];
        _isKnown = _candidates.Any(c => c is not null);
        _generic = new GenericEvent(names, strict: _isKnown);
        _probe = _candidates.Any(c => c?.Fields.Any(f => f.Name.StartsWith("__probe", StringComparison.Ordinal)) == true);
    }

    /// <summary>What came of a form that a text may have.</summary>
    private enum Trial : byte
    {
        None,
        Fails,
        Fits,
    }

    public string Name { get; }

    /// <summary>What the names of exits say of the CPU; null if they say nothing.</summary>
    public string? Vendor { get; private set; }

    /// <summary>Set when the survey is done.</summary>
    public EventFormat? Format { get; private set; }

    /// <summary>Rows that fit, for each of <see cref="EventCatalog.Releases"/>.</summary>
    public IReadOnlyList<long> Matched => _matched;

    /// <summary>Rows of the first reading.</summary>
    public long Rows { get; private set; }

    /// <summary>Rows of an event that is known, in no known form. A probe has the fields that it was given.</summary>
    public long Misfits => _isKnown && !_probe ? _misfits : 0;

    /// <summary>First reading.</summary>
    /// <param name="last">false if less of the text may be tried next.</param>
    /// <param name="end">What is known of the text's end.</param>
    /// <returns>false if it should be tried.</returns>
    public bool Learn(ReadOnlySpan<byte> text, bool report, bool last, TextEnd end = TextEnd.Sure)
    {
        _scratch.FromReport = report;
        bool fits = false;
        uint results = 0;
        Array.Clear(_tried);
        ReadOnlySpan<byte> shown = CatalogEvent.Shown(text);
        for (int i = 0; i < _candidates.Length; i++)
        {
            if (_candidates[i] is { } candidate)
            {
                // Releases share most layouts.
                bool match = _sameAs[i] < i ? (results >> _sameAs[i] & 1) != 0 : end != TextEnd.Doubtful && Match(candidate, _forms[i], shown, end);
                results |= match ? 1u << i : 0;
                _matched[i] += match ? 1 : 0;
                fits |= match;
                if (match && _isa >= 0 && _sameAs[i] >= i && _scratch.Byte(_isa) is { } isa)
                {
                    Vendor = isa == 1 ? "intel" : "amd";
                }
            }
        }

        if (!fits && !last && _isKnown)
        {
            return false;
        }

        Rows++;
        if (!fits)
        {
            _misfits++;
            if (end < TextEnd.Open)
            {
                _generic.Learn(text);
            }
        }
        else if (_probe && ProbeText.Where(text) is { IsEmpty: false } where)
        {
            ProbeText.AddFunction(where, _functions, _names);
        }

        return true;
    }

    private bool Match(CatalogEvent candidate, int[] forms, ReadOnlySpan<byte> shown, TextEnd end)
    {
        for (int i = 0; i < forms.Length; i++)
        {
            ref Trial trial = ref _tried[forms[i]];
            if (trial == Trial.None)
            {
                trial = CatalogEvent.Match(candidate.Layouts[i], shown, _scratch, sure: false, candidate.Shape, end) ? Trial.Fits : Trial.Fails;
            }

            if (trial == Trial.Fits)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Numbers the forms of all candidates; what several releases print alike has one number, and is tried once.</summary>
    private int[][] Forms(out int count)
    {
        List<(Layout Layout, RecordShape Shape)> distinct = [];
        int[][] forms = [.. _candidates.Select((c, i) => c is null || _sameAs[i] < i ? [] : c.Layouts.Select(layout => Number(layout, c.Shape)).ToArray())];
        count = distinct.Count;
        return forms;

        int Number(Layout layout, RecordShape shape)
        {
            // What an exit tells of the CPU is read off the record, so each release makes its own.
            int known = _isa >= 0 ? -1 : distinct.FindIndex(d => d.Layout.Takes(layout, d.Shape, shape));
            if (known < 0)
            {
                known = distinct.Count;
                distinct.Add((layout, shape));
            }

            return known;
        }
    }

    /// <summary>Whether a text can be all of the event's.</summary>
    public bool IsWhole(ReadOnlySpan<byte> text, bool report)
    {
        _scratch.FromReport = report;
        bool known = false;
        foreach (CatalogEvent? candidate in _candidates)
        {
            known |= candidate is not null;
            if (candidate?.Match(text, _scratch, sure: false, candidate.Shape) == true)
            {
                return true;
            }
        }

        return !known && !text.IsEmpty;
    }

    /// <summary>Between the readings: chooses the format.</summary>
    /// <param name="total">Rows that fit in the whole text, for each release.</param>
    /// <param name="named">Index of the release that the text is known to come from, -1 if that is none of them; null if it is not known.</param>
    /// <param name="typed">Whether an event that is known has its own columns even if no row has them: a value that is not read is NULL.</param>
    public void Settle(IReadOnlyList<long> total, int? named, int id, bool typed)
    {
        int best = -1;
        for (int i = 0; i < _candidates.Length; i++)
        {
            if (_matched[i] > 0 && (best < 0 || _matched[i] > _matched[best] || (_matched[i] == _matched[best] && total[i] > total[best])))
            {
                best = i;
            }
        }

        string system = _system ?? EventCatalog.SystemOf(Name) ?? _unknownSystem;
        if (best < 0)
        {
            CatalogEvent? known = typed && !_probe ? _candidates[named is >= 0 and { } i ? i : 0] ?? Array.Find(_candidates, c => c is not null) : null;
            _generic.Settle(known);
            (_fields, _fixedSize) = (_generic.Fields, _generic.FixedSize);
            system = known?.System ?? system;
            _unread = known is not null;
        }
        else
        {
            _chosen = _candidates[best]!;
            CatalogEvent chosen = _chosen;
            _sure = named is { } known
                ? known >= 0 && Same(_candidates[known], chosen)
                : Enumerable.Range(0, _candidates.Length).All(i => total[i] < total[best] || Same(_candidates[i], chosen));
            (system, _fields, _fixedSize) = (_chosen.System, _chosen.Fields, _chosen.FixedSize);
        }

        if (!_fields.Any(f => f.Size == 0))
        {
            _textField = _chosen is not null && _misfits > 0 ? Append("text", 't', 4) : -1;
            _periodField = _periods ? Append("period", 'u', 8) : -1;
            _stackField = _stacks ? Append("stack", 't', 4) : -1;
        }

        Format = new EventFormat { System = system, Name = Name, Id = id, Fields = _fields, FixedSize = _fixedSize, Nullable = true };
        Format.ProbeFunctions.UnionWith(_chosen is null ? _generic.Functions : _functions);
        _unknown = new long[_fields.Count];
        _shape = new RecordShape(_fields, _fixedSize);
    }

    /// <summary>Second reading.</summary>
    /// <param name="keepUnfit">Whether a text in no known form becomes a row.</param>
    /// <returns>false if the text is in no known form.</returns>
    public bool Fill(ReadOnlySpan<byte> text, bool report, EventWriter into, bool keepUnfit, TextEnd end = TextEnd.Sure)
    {
        into.FromReport = report;
        if (_chosen is null)
        {
            into.Begin(_shape!);
            _unfit += _unread ? 1 : 0;
            if (end < TextEnd.Open)
            {
                _generic.Fill(text, into);
            }
        }
        else if (!_chosen.Match(text, into, _sure, _shape!, end))
        {
            if (!keepUnfit)
            {
                return false;
            }

            _unfit++;
            into.Begin(_shape!);
            _ = _textField >= 0 && end < TextEnd.Open && into.Text(_textField, text);
        }

        _rows++;
        return true;
    }

    /// <summary>First reading: notes what perf showed of a sample beside the event.</summary>
    public void LearnSample(bool period, bool stack)
    {
        _periods |= period;
        _stacks |= stack;
    }

    /// <summary>Second reading: adds it.</summary>
    public void FillSample(long period, string? stack, EventWriter into)
    {
        _ = period >= 0 && _periodField >= 0 && into.Number(_periodField, (ulong)period);
        _ = stack is not null && _stackField >= 0 && into.Text(_stackField, System.Text.Encoding.UTF8.GetBytes(stack));
    }

    /// <summary>Notes what the text does not tell of the row just filled.</summary>
    public void Count(ulong nulls)
    {
        // Mostly the same fields again: they are counted when others come.
        if (nulls != _lastNulls)
        {
            CountLast();
            _lastNulls = nulls;
        }

        _lastNullsRows++;
    }

    private void CountLast()
    {
        for (ulong rest = _lastNulls; rest != 0; rest &= rest - 1)
        {
            _unknown[System.Numerics.BitOperations.TrailingZeroCount(rest)] += _lastNullsRows;
        }

        _lastNullsRows = 0;
    }

    /// <summary>Second reading: how many rows are in no known form.</summary>
    public long Unread => _unfit;

    /// <summary>One line for each kind of loss.</summary>
    public IEnumerable<string> Losses()
    {
        CountLast();
        if (_unfit > 0)
        {
            string faults = Name == "kvm_page_fault" ? ", and these faults have no row" : "";
            yield return $"{_unfit} of {_rows} rows of {Format!.FullName} are in no known form: only their text is kept{faults}";
        }

        foreach (IGrouping<long, string> lost in Enumerable.Range(0, _fields.Count)
            .Where(i => _chosen is not null && !_fields[i].Common && i != _textField && i != _periodField && i != _stackField && _unknown[i] > _unfit)
            .GroupBy(i => _unknown[i] - _unfit, i => _fields[i].Name))
        {
            yield return $"the text does not tell {string.Join(", ", lost)} in {lost.Key} of {_rows} rows of {Format!.FullName}";
        }
    }

    private int Append(string name, char kind, int size)
    {
        _fields = [.. _fields, LayoutFile.Field(name, kind, size, _fixedSize)];
        _fixedSize += size;
        return _fields.Count - 1;
    }

    private static bool Same(CatalogEvent? a, CatalogEvent? b) => ReferenceEquals(a, b)
        || (a is not null && b is not null && a.Fields.SequenceEqual(b.Fields) && a.Layouts.Select(l => l.Source).SequenceEqual(b.Layouts.Select(l => l.Source)));
}
