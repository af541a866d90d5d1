using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.ExceptionServices;

namespace TraceReplay.Analysis.Query;

/// <summary>
/// Rows of a long result, read on another thread while those before them are printed: of a million rows, reading and printing take
/// about as long. Only for types whose values outlive their row.
/// </summary>
/// <param name="cells">The rows; nobody else may go on in them.</param>
/// <param name="stop">Ends a read under way, for when nobody wants the rest.</param>
internal sealed class CellsAhead(CellReader cells, Action stop) : Cells, IDisposable
{
    // Rows that are read without another thread: most results end before.
    private const int Alone = 4096;
    private const int RowsInBlock = 512;
    private const int Blocks = 4;

    private readonly BlockingCollection<Block> _read = [];
    private readonly BlockingCollection<Block> _free = [];
    private Thread? _reader;
    private Block? _block;
    private int _row;
    private int _alone;

    public override IReadOnlyList<string> Names => cells.Names;

    public override object? this[int column] => _block is null ? cells[column] : _block.Texts[At(column)] ?? (_block.IsNumber[At(column)] ? _block.Numbers[At(column)] : null);

    public override bool IsNumber(int column) => cells.IsNumber(column);

    public override bool TryFormat(int column, Span<char> into, out int written)
    {
        written = 0;
        return _block is null
            ? cells.TryFormat(column, into, out written)
            : _block.IsNumber[At(column)] && _block.Numbers[At(column)].TryFormat(into, out written, default, CultureInfo.InvariantCulture);
    }

    public override bool Read()
    {
        if (_alone < Alone)
        {
            _alone++;
            return cells.Read();
        }

        if (_block is null)
        {
            Begin();
        }
        else if (++_row < _block.Rows)
        {
            return true;
        }
        else
        {
            _block.Failed?.Throw();
            if (_block.IsLast)
            {
                return false;
            }

            _free.Add(_block);
        }

        _row = 0;
        _block = _read.Take();
        if (_block.Rows > 0)
        {
            return true;
        }

        _block.Failed?.Throw();
        return false;
    }

    public void Dispose()
    {
        if (_reader is not null)
        {
            _free.CompleteAdding();
            if (_block is not { IsLast: true })
            {
                stop();
            }

            _reader.Join();
        }

        _read.Dispose();
        _free.Dispose();
    }

    private int At(int column) => (_row * cells.Names.Count) + column;

    private void Begin()
    {
        for (int i = 0; i < Blocks; i++)
        {
            _free.Add(new Block(RowsInBlock * cells.Names.Count));
        }

        _reader = new Thread(Fill) { IsBackground = true, Name = "rows" };
        _reader.Start();
    }

    private void Fill()
    {
        foreach (Block block in _free.GetConsumingEnumerable())
        {
            block.Rows = 0;
            try
            {
                while (block.Rows < RowsInBlock && !block.IsLast)
                {
                    if (cells.Read())
                    {
                        Fill(block);
                        block.Rows++;
                    }
                    else
                    {
                        block.IsLast = true;
                    }
                }
            }
            catch (Exception e)
            {
                // It is thrown where the rows are printed, behind those that were read before.
                block.Failed = ExceptionDispatchInfo.Capture(e);
                block.IsLast = true;
            }

            _read.Add(block);
            if (block.IsLast)
            {
                return;
            }
        }
    }

    private void Fill(Block block)
    {
        int columns = cells.Names.Count;
        for (int column = 0; column < columns; column++)
        {
            int at = (block.Rows * columns) + column;
            block.IsNumber[at] = cells.TryGetNumber(column, out block.Numbers[at]);
            block.Texts[at] = block.IsNumber[at] ? null : cells[column];
        }
    }

    private sealed class Block(int cells)
    {
        public readonly object?[] Texts = new object?[cells];
        public readonly long[] Numbers = new long[cells];
        public readonly bool[] IsNumber = new bool[cells];

        public int Rows { get; set; }

        public bool IsLast { get; set; }

        public ExceptionDispatchInfo? Failed { get; set; }
    }
}
