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

    private readonly ParquetReader _reader;
    private readonly DataField[] _header;
    private readonly DataField?[] _fields;
    private readonly long[][] _headerValues = new long[4][];
    private readonly long[][] _values;
    private int _rowGroup;
    private int _rows;
    private int _row = -1;

    private EventCursor(EventKind kind, ParquetReader reader, DataField[] header, DataField?[] fields)
    {
        Kind = kind;
        _reader = reader;
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
        ParquetReader reader = ParquetReader.CreateAsync(path).GetAwaiter().GetResult();
        DataField[] all = reader.Schema.GetDataFields();
        DataField Required(string name) => Array.Find(all, field => field.Name == name)
            ?? throw new InvalidDataException($"{path}: column {name} is missing");
        DataField? Optional(string names) => names.Split('|')
            .Select(name => Array.Find(all, field => field.Name == name)).FirstOrDefault(field => field is not null);
        return new EventCursor(
            source.Kind,
            reader,
            [Required(SeqColumn), Required(TimeColumn), Required(CpuColumn), Required(PidColumn)],
            [.. source.Columns.Select(Optional)]);
    }

    /// <summary>The next row; false at the end.</summary>
    public bool MoveNext()
    {
        while (++_row >= _rows)
        {
            if (_rowGroup >= _reader.RowGroupCount)
            {
                return false;
            }

            Load();
        }

        return true;
    }

    public void Dispose() => _reader.DisposeAsync().AsTask().GetAwaiter().GetResult();

    private void Load()
    {
        using ParquetRowGroupReader group = _reader.OpenRowGroupReader(_rowGroup++);
        _rows = checked((int)group.RowCount);
        _row = -1;
        for (int i = 0; i < _header.Length; i++)
        {
            ParquetColumns.ReadIntegers(group, _header[i], ref _headerValues[i], _rows);
        }

        for (int i = 0; i < _fields.Length; i++)
        {
            if (_fields[i] is { } field)
            {
                ParquetColumns.ReadIntegers(group, field, ref _values[i], _rows);
            }
        }

        _row = -1;
        if (_rows == 0)
        {
            return;
        }
    }
}
