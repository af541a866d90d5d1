using Parquet;
using Parquet.Schema;

namespace TraceReplay.Replay.Timeline;

/// <summary>Rows of a file of any writer, a row group at a time: memory is bounded by that.</summary>
internal sealed class LibraryRows : RowSource
{
    private readonly ParquetTable _table;
    private readonly DataField?[] _fields;
    private int _group;
    private int _skip;

    /// <param name="position">Where to begin.</param>
    public LibraryRows(string path, string[] columns, (int RowGroup, int Row) position)
    {
        _table = ParquetTable.Open(path);
        _fields = [.. columns.Select(_table.FindInteger)];
        (_group, _skip) = position;
    }

    public override (int RowGroup, int Row) Position => (_group, 0);

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
                    ParquetTable.ReadIntegers(group, field, ref block.Values[i], rows, block.Missing[i], field.IsNullable ? block.Unknown[i] : null);
                    Drop(block, i, rows);
                }
            }

            rows -= Math.Min(_skip, rows);
            _skip = 0;
            if (rows > 0)
            {
                return rows;
            }
        }

        return 0;
    }

    public override void Dispose() => _table.Dispose();

    /// <summary>The first rows of the row group were read by another source.</summary>
    private void Drop(RowBlock block, int column, int rows)
    {
        if (_skip > 0 && _skip < rows)
        {
            block.Values[column].AsSpan(_skip, rows - _skip).CopyTo(block.Values[column]);
            if (block.Unknown[column].Length >= rows)
            {
                block.Unknown[column].AsSpan(_skip, rows - _skip).CopyTo(block.Unknown[column]);
            }
        }
    }
}
