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
    private int _rowGroup;
    private int _rows;
    private int _row = -1;

    private EventCursor(EventKind kind, ParquetTable table, DataField[] header, DataField?[] fields)
    {
        Kind = kind;
        _table = table;
        _header = header;
        _fields = fields;
        _values = new long[fields.Length][];
        for (int i = 0; i < _headerValues.Length; i++)
        {
            _headerValues[i] = [];
        }

        for (int i = 0; i < _values.Length; i++)
        {
            _values[i] = [];
        }
    }

    public EventKind Kind { get; }

    public long Seq => _headerValues[0][_row];

    /// <summary>Nanoseconds, or the units of the capture's clock.</summary>
    public long Time => _headerValues[1][_row];

    public int Cpu => (int)_headerValues[2][_row];

    public int Pid => (int)_headerValues[3][_row];

    /// <summary>The table has the column.</summary>
    public bool Has(int column) => _fields[column] is not null;

    /// <summary>The value as recorded; 0 where the capture has no such field.</summary>
    public ulong this[int column] => _fields[column] is null ? 0 : (ulong)_values[column][_row];

    public static EventCursor Open(string path, EventSource source)
    {
        ParquetTable table = ParquetTable.Open(path);
        return new EventCursor(
            source.Kind,
            table,
            [table.Require(SeqColumn), table.Require(TimeColumn), table.Require(CpuColumn), table.Require(PidColumn)],
            [.. source.Columns.Select(names => names.Split('|').Select(table.Find).FirstOrDefault(field => field is not null))]);
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
            ParquetTable.ReadIntegers(group, _header[i], ref _headerValues[i], _rows);
        }

        for (int i = 0; i < _fields.Length; i++)
        {
            if (_fields[i] is { } field)
            {
                ParquetTable.ReadIntegers(group, field, ref _values[i], _rows);
            }
        }
    }
}
