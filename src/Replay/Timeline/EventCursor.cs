using Parquet;
using Parquet.Schema;

namespace TraceReplay.Replay.Timeline;

/// <summary>
/// Walks one event table of one trace in the order of <c>seq</c>, a row group at a time: memory is bounded by the row group.
/// Every integer column comes as raw 64 bits, sign-extended if the column is signed.
/// </summary>
internal sealed class EventCursor : IDisposable
{
    private const string SeqColumn = "seq";
    private const string TimeColumn = "ts_ns";
    private const string CpuColumn = "cpu";
    private const string PidColumn = "pid";

    private readonly ParquetTable _table;
    private readonly DataField[] _header;
    private readonly DataField?[] _fields;
    private readonly long[][] _headerValues = new long[4][];
    private readonly long[][] _values;

    // By column: which rows of the row group are NULL; null where the column cannot be.
    private readonly bool[]?[] _unknown;

    // Columns that may be NULL and without which the event says nothing.
    private readonly int[] _needed;
    private int _rowGroup;
    private int _rows;
    private int _row = -1;

    private EventCursor(EventSource source, ParquetTable table, DataField[] header, DataField?[] fields)
    {
        Source = source;
        Kind = source.Kind;
        _table = table;
        _header = header;
        _fields = fields;
        _values = new long[fields.Length][];
        _unknown = [.. fields.Select(field => field is { IsNullable: true } ? Array.Empty<bool>() : null)];
        _needed = [.. Enumerable.Range(0, fields.Length).Where(i => _unknown[i] is not null && source.Needs(i))];
        for (int i = 0; i < _headerValues.Length; i++)
        {
            _headerValues[i] = [];
        }

        for (int i = 0; i < _values.Length; i++)
        {
            _values[i] = [];
        }
    }

    public EventSource Source { get; }

    public EventKind Kind { get; }

    public long Seq => _headerValues[0][_row];

    /// <summary>Nanoseconds, or the units of the capture's clock.</summary>
    public long Time => _headerValues[1][_row];

    /// <summary>-1 if the capture does not say it.</summary>
    public int Cpu => (int)_headerValues[2][_row];

    public int Pid => (int)_headerValues[3][_row];

    /// <summary>The capture has the field, and says its value in this row.</summary>
    public bool Knows(int column) => _fields[column] is not null && (_unknown[column] is not { } unknown || !unknown[_row]);

    /// <summary>Whether the column's value may be missing in other rows.</summary>
    public bool MayBeUnknown(int column) => _fields[column] is null || _unknown[column] is not null;

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
    public ulong this[int column] => _fields[column] is null ? 0 : (ulong)_values[column][_row];

    public static EventCursor Open(string path, EventSource source)
    {
        ParquetTable table = ParquetTable.Open(path);
        return new EventCursor(
            source,
            table,
            [table.Require(SeqColumn), table.Require(TimeColumn), table.Require(CpuColumn), table.Require(PidColumn)],
            [.. source.Columns.Select(table.FindInteger)]);
    }

    /// <summary>The next row; false at the end.</summary>
    public bool MoveNext()
    {
        while (++_row >= _rows)
        {
            if (_rowGroup >= _table.RowGroups)
            {
                return false;
            }

            Load();
        }

        return true;
    }

    public void Dispose() => _table.Dispose();

    private void Load()
    {
        using ParquetRowGroupReader group = _table.OpenRowGroup(_rowGroup++);
        _rows = checked((int)group.RowCount);
        _row = -1;
        for (int i = 0; i < _header.Length; i++)
        {
            ParquetTable.ReadIntegers(group, _header[i], ref _headerValues[i], _rows, missing: -1);
        }

        for (int i = 0; i < _fields.Length; i++)
        {
            if (_fields[i] is { } field)
            {
                if (_unknown[i] is { } unknown && unknown.Length < _rows)
                {
                    _unknown[i] = new bool[_rows];
                }

                ParquetTable.ReadIntegers(group, field, ref _values[i], _rows, unknown: _unknown[i]);
            }
        }
    }
}
