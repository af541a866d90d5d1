using System.Collections.Concurrent;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>Encodes the columns of one row group after the other, in the order of the file's schema. Its buffers are used again by other files.</summary>
internal sealed class RowGroupWriter
{
    // What goes to the file in one write: small tables in one, large columns one by one.
    private const int WriteSize = 1 << 18;

    private static readonly ConcurrentBag<RowGroupWriter> s_idle = [];

    private readonly ByteBuffer _output = new(1 << 19);
    private readonly ByteBuffer _indexes = new(1 << 12);
    private readonly ByteBuffer _statistics = new(1 << 12);
    private readonly List<ChunkInfo> _chunks = [];
    private readonly NumberChunk _numbers = new();
    private readonly TextChunk _texts = new();
    private ParquetFile? _file;
    private ColumnChunk? _open;
    private int _rows;

    /// <summary>One for the thread that asks, until <see cref="Complete"/>.</summary>
    public static RowGroupWriter Begin(ParquetFile file, int rows)
    {
        if (!s_idle.TryTake(out RowGroupWriter? writer))
        {
            writer = new RowGroupWriter();
        }

        writer._output.Clear();
        if (file.Position == 0)
        {
            writer._output.Write(ParquetFile.Magic);
        }

        writer._indexes.Clear();
        writer._statistics.Clear();
        writer._chunks.Clear();
        writer._file = file;
        writer._open = null;
        writer._rows = rows;
        return writer;
    }

    public NumberChunk Numbers(ParquetColumn column)
    {
        EndColumn();
        _numbers.Begin(column, _rows);
        _open = _numbers;
        return _numbers;
    }

    public TextChunk Texts(ParquetColumn column)
    {
        EndColumn();
        _texts.Begin(column, _rows);
        _open = _texts;
        return _texts;
    }

    public void Complete()
    {
        EndColumn();
        ParquetFile file = _file!;
        long indexes = file.Position + _output.Length;
        if (_chunks.Count > 0)
        {
            file.FirstColumn(_indexes.Written[.._chunks[0].OffsetIndex.End.Value], indexes);
        }

        _output.Write(_indexes.Written);
        file.Append(_output);
        file.EndRowGroup(_rows, _chunks, indexes, _statistics.Written);
        _file = null;
        s_idle.Add(this);
    }

    private void EndColumn()
    {
        if (_open is null)
        {
            return;
        }

        ParquetFile file = _file!;
        int start = _output.Length;
        ChunkInfo chunk = _open.End(_output, file.Position, _indexes, _statistics);
        if (_chunks.Count == 0)
        {
            file.FirstColumn(_output.Written[start..], file.Position + start);
        }

        if (chunk.Rows != _rows)
        {
            throw new InvalidOperationException($"column {chunk.Column.Name} has {chunk.Rows} values for {_rows} rows");
        }

        _chunks.Add(chunk);
        _open = null;
        if (_output.Length >= WriteSize)
        {
            file.Append(_output);
        }
    }
}
