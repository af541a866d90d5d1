namespace TraceReplay.Replay.Timeline;

/// <summary>All event tables of one trace as one sequence in the capture's time order (by <c>seq</c>).</summary>
internal sealed class EventStream : IDisposable
{
    private readonly EventCursor[] _all;
    private readonly EventCursor[] _heap;
    private int _count;
    private bool _started;

    public EventStream(IEnumerable<EventCursor> cursors)
    {
        _all = [.. cursors];
        _heap = new EventCursor[_all.Length];
        Kinds = _all.Select(cursor => cursor.Kind).ToHashSet();
        foreach (EventCursor cursor in _all)
        {
            if (cursor.MoveNext())
            {
                _heap[_count++] = cursor;
            }
        }

        for (int i = (_count / 2) - 1; i >= 0; i--)
        {
            SiftDown(i);
        }
    }

    /// <summary>The kinds that the capture has a table for.</summary>
    public IReadOnlySet<EventKind> Kinds { get; }

    /// <summary>The event that the last <see cref="MoveNext"/> came to.</summary>
    public EventCursor Current => _heap[0];

    public bool MoveNext()
    {
        if (_started && _count > 0)
        {
            if (!_heap[0].MoveNext())
            {
                _heap[0] = _heap[--_count];
            }

            SiftDown(0);
        }

        _started = true;
        return _count > 0;
    }

    public void Dispose()
    {
        foreach (EventCursor cursor in _all)
        {
            cursor.Dispose();
        }
    }

    private void SiftDown(int index)
    {
        while (true)
        {
            int child = (2 * index) + 1;
            if (child >= _count)
            {
                return;
            }

            if (child + 1 < _count && _heap[child + 1].Seq < _heap[child].Seq)
            {
                child++;
            }

            if (_heap[index].Seq <= _heap[child].Seq)
            {
                return;
            }

            (_heap[index], _heap[child]) = (_heap[child], _heap[index]);
            index = child;
        }
    }
}
