using TraceReplay.Ingest.Capture;

namespace TraceReplay.Replay.Timeline;

/// <summary>
/// Walks one event table of one trace in the order of <c>seq</c>, a block of rows at a time: memory is bounded by the block.
/// Every integer column comes as raw 64 bits, sign-extended if the column is signed.
/// </summary>
internal sealed class EventCursor : IDisposable
{
    // Places of the columns that every table has, before those of the event.
    private const int Head = 4;
    private static readonly string[] s_head = ["seq", "ts_ns", "cpu", "pid"];

    private readonly string _path;
    private readonly RowBlock _block;

    // By column of the event: its values and which are NULL; null where there is no such column, or where none can be.
    private readonly long[]?[] _values;
    private readonly bool[]?[] _unknown;

    // Columns that may be NULL and without which the event says nothing.
    private readonly int[] _needed;
    private readonly RowSource _source;
    private long[] _seq = [];
    private long[] _time = [];
    private long[] _cpu = [];
    private long[] _pid = [];
    private int _rows;
    private int _row = -1;

    private EventCursor(string path, int columns, EventSource source, RowSource rows)
    {
        (_path, _source) = (path, rows);
        Source = source;
        Kind = source.Kind;
        IsSyscall = source.IsSyscall;
        _block = new RowBlock(columns);
        _block.Missing.AsSpan(0, Head).Fill(-1);
        _values = new long[source.Columns.Length][];
        _unknown = new bool[source.Columns.Length][];
        _needed = [.. Enumerable.Range(0, source.Columns.Length).Where(i => rows.IsNullable(Head + i) && source.Needs(i))];
        Show();
    }

    public EventSource Source { get; }

    public EventKind Kind { get; }

    /// <summary>As <see cref="EventSource.IsSyscall"/>.</summary>
    public bool IsSyscall { get; }

    public long Seq => _seq[_row];

    /// <summary>Nanoseconds, or the units of the capture's clock.</summary>
    public long Time => _time[_row];

    /// <summary>-1 if the capture does not say it.</summary>
    public int Cpu => (int)_cpu[_row];

    public int Pid => (int)_pid[_row];

    /// <summary>Positions of the rows that are loaded and lie ahead.</summary>
    public ReadOnlySpan<long> Ahead => _seq.AsSpan(_row + 1, _rows - _row - 1);

    /// <summary>The capture has the field, and says its value in this row.</summary>
    public bool Knows(int column) => _values[column] is not null && (_unknown[column] is not { } unknown || !unknown[_row]);

    /// <summary>Whether the column's value may be missing in other rows.</summary>
    public bool MayBeUnknown(int column) => _values[column] is null || _unknown[column] is not null;

    /// <summary>Every recorded field that the event is of no use without has a value in this row (a text may not show it).</summary>
    public bool TellsEnough
    {
        get
        {
            foreach (int column in _needed)
            {
                if (_unknown[column]![_row])
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>The value as recorded; 0 where it is not known, see <see cref="Knows"/>.</summary>
    public ulong this[int column] => _values[column] is { } values ? (ulong)values[_row] : 0;

    public static EventCursor Open(string path, EventSource source)
    {
        string[] columns = [.. s_head, .. source.Columns];
        RowSource rows = RowSource.Open(path, columns);
        for (int i = 0; i < Head; i++)
        {
            if (!rows.Has(i))
            {
                rows.Dispose();
                throw RowSource.Damaged(path, $"no column {s_head[i]}");
            }
        }

        return new EventCursor(path, columns.Length, source, rows);
    }

    /// <summary>Sees to it that rows are loaded that lie ahead; what the cursor stands on is no longer there.</summary>
    /// <returns>false at the end.</returns>
    public bool Load()
    {
        if (_row + 1 < _rows)
        {
            return true;
        }

        _row = -1;
        _rows = _source.Read(_block);
        Show();
        return _rows > 0;
    }

    public CaptureException OutOfOrder() => RowSource.Damaged(_path, "rows that are not in the order of seq");

    /// <summary>Goes to the next of the rows that are loaded.</summary>
    public void Step() => _row++;

    public void Dispose() => _source.Dispose();

    private void Show()
    {
        (_seq, _time, _cpu, _pid) = (_block.Values[0], _block.Values[1], _block.Values[2], _block.Values[3]);
        for (int i = 0; i < _values.Length; i++)
        {
            _values[i] = _source.Has(Head + i) ? _block.Values[Head + i] : null;
            _unknown[i] = _source.IsNullable(Head + i) ? _block.Unknown[Head + i] : null;
        }
    }
}
