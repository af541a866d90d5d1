using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Dataset.ParquetDecoding;

namespace TraceReplay.Replay.Timeline;

/// <summary>Rows of a file of our own encoder. Blocks are small, so that those of all tables of a trace stay in the processor's cache.</summary>
internal sealed class DecodedRows : RowSource
{
    private const int BlockRows = 1 << 10;

    private readonly string _path;
    private readonly NumberFile _file;
    private readonly NumberReader?[] _readers;
    private int _group = -1;
    private int _row;
    private int _rows;

    public DecodedRows(string path, NumberFile file, string[] columns)
    {
        _path = path;
        _file = file;
        _readers = [.. columns.Select(name => file.FindInteger(name) is >= 0 and int column ? file.Read(column) : null)];
    }

    public override bool Has(int column) => _readers[column] is not null;

    public override bool IsNullable(int column) => _readers[column] is { IsNullable: true };

    public override int Read(RowBlock block)
    {
        while (_row == _rows)
        {
            if (_group + 1 == _file.RowGroups)
            {
                return 0;
            }

            (_row, _rows) = (0, _file.Rows(++_group));
            foreach (NumberReader? reader in _readers)
            {
                if (reader?.TryBegin(_group) is false)
                {
                    throw Unreadable();
                }
            }
        }

        int rows = Math.Min(BlockRows, _rows - _row);
        for (int i = 0; i < _readers.Length; i++)
        {
            if (_readers[i] is { } reader)
            {
                block.Reserve(i, rows, reader.IsNullable);
                if (!reader.TryRead(block.Values[i].AsSpan(0, rows), reader.IsNullable ? block.Unknown[i].AsSpan(0, rows) : default, block.Missing[i]))
                {
                    throw Unreadable();
                }
            }
        }

        _row += rows;
        return rows;
    }

    // Not left to Parquet.Net: of some damage it makes values from what its buffers held before.
    private CaptureException Unreadable() => Damaged(_path, $"pages of row group {_group} that cannot be read");

    public override void Dispose()
    {
        foreach (NumberReader? reader in _readers)
        {
            reader?.Dispose();
        }

        _file.Dispose();
    }
}
