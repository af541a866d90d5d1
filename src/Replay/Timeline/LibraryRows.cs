using Parquet;
using Parquet.Schema;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Replay.Timeline;

/// <summary>Rows of a file of any writer, a row group at a time: memory is bounded by that.</summary>
internal sealed class LibraryRows : RowSource
{
    private readonly ParquetTable _table;
    private readonly DataField?[] _fields;
    private int _group;

    private LibraryRows(ParquetTable table, string[] columns)
    {
        _table = table;
        _fields = [.. columns.Select(_table.FindInteger)];
    }

    /// <exception cref="CaptureException">The file is damaged.</exception>
    public static new LibraryRows Open(string path, string[] columns) => new LibraryRows(ParquetTable.Open(path), columns);

    public override bool Has(int column) => _fields[column] is not null;

    public override bool IsNullable(int column) => _fields[column] is { IsNullable: true };

    public override int Read(RowBlock block)
    {
        while (_group < _table.RowGroups)
        {
            using ParquetRowGroupReader group = _table.OpenRowGroup(_group++);
            int rows = checked((int)group.RowCount);
            for (int i = 0; i < _fields.Length; i++)
            {
                if (_fields[i] is { } field)
                {
                    block.Reserve(i, rows, field.IsNullable);
                    _table.ReadIntegers(group, field, ref block.Values[i], rows, block.Missing[i], field.IsNullable ? block.Unknown[i] : null);
                }
            }

            if (rows > 0)
            {
                return rows;
            }
        }

        return 0;
    }

    public override void Dispose() => _table.Dispose();
}
