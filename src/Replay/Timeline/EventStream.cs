namespace TraceReplay.Replay.Timeline;

/// <summary>
/// All event tables of one trace as one sequence in the capture's time order (by <c>seq</c>). As seq counts the capture's events, the
/// tables are not compared with each other: each one's rows are laid out by seq, some thousands at a time, and taken from there.
/// </summary>
internal sealed class EventStream : IDisposable
{
    private const int Window = 1 << 12;

    // At one seq stand rows of several cursors: one table serves several kinds.
    private const byte Several = byte.MaxValue;

    private readonly EventCursor[] _all;
    private readonly List<EventCursor> _live = [];

    // By seq from _first on: the cursor, in _live, that has it, counted from 1; 0 where no table read here has it.
    private readonly byte[] _places = new byte[Window];
    private long _first;
    private int _at;
    private int _end;

    public EventStream(IEnumerable<EventCursor> cursors)
    {
        _all = [.. cursors];
        Kinds = _all.Select(cursor => cursor.Kind).ToHashSet();
        if (_all.Length >= Several)
        {
            throw new NotSupportedException("more event tables than a stream can merge");
        }

        _live.AddRange(_all);
        Current = null!;
    }

    /// <summary>The kinds that the capture has a table for.</summary>
    public IReadOnlySet<EventKind> Kinds { get; }

    /// <summary>The event that the last <see cref="MoveNext"/> came to.</summary>
    public EventCursor Current { get; private set; }

    /// <exception cref="Ingest.Capture.CaptureException">A table is damaged, or its rows are not in the order of seq.</exception>
    public bool MoveNext()
    {
        do
        {
            byte[] places = _places;
            for (int at = _at; at < _end; at++)
            {
                int place = places[at];
                if (place == 0)
                {
                    continue;
                }

                if (place != Several)
                {
                    places[at] = 0;
                    _at = at + 1;
                    Current = _live[place - 1];
                    Current.Step();
                    return true;
                }

                if (TakeOneOf(_first + at))
                {
                    _at = at;
                    return true;
                }

                places[at] = 0;
            }
        }
        while (LayOut());

        return false;
    }

    public void Dispose()
    {
        foreach (EventCursor cursor in _all)
        {
            cursor.Dispose();
        }
    }

    /// <summary>Of several cursors at one place the first, in the order of the catalogue.</summary>
    private bool TakeOneOf(long seq)
    {
        foreach (EventCursor cursor in _live)
        {
            if (cursor.Ahead is [var next, ..] && next == seq)
            {
                Current = cursor;
                cursor.Step();
                return true;
            }
        }

        return false;
    }

    private bool LayOut()
    {
        _live.RemoveAll(static cursor => !cursor.Load());
        if (_live.Count == 0)
        {
            return false;
        }

        // As far as every table that goes on is loaded.
        _first = long.MaxValue;
        long end = long.MaxValue;
        foreach (EventCursor cursor in _live)
        {
            _first = Math.Min(_first, cursor.Ahead[0]);
            end = Math.Min(end, cursor.Ahead[^1]);
        }

        (_at, _end) = (0, (int)Math.Clamp(end - _first + 1, 1, Window));
        for (int i = 0; i < _live.Count; i++)
        {
            LayOut(_live[i].Ahead, (byte)(i + 1));
        }

        return true;
    }

    private void LayOut(ReadOnlySpan<long> ahead, byte cursor)
    {
        Span<byte> places = _places.AsSpan(0, _end);
        long before = -1;
        foreach (long seq in ahead)
        {
            long place = seq - _first;
            if (place <= before)
            {
                throw _live[cursor - 1].OutOfOrder();
            }

            if (place >= places.Length)
            {
                return;
            }

            places[(int)place] = places[(int)place] == 0 ? cursor : Several;
            before = place;
        }
    }
}
