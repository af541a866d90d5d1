using System.Runtime.InteropServices;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>One column of one row group while it is encoded: pages, the dictionary before them, and what the footer says of them.</summary>
internal abstract class ColumnChunk
{
    /// <summary>Rows of a page, or a block more.</summary>
    protected const int PageRows = 1 << 14;

    /// <summary>Rows that are gathered and encoded at once: few enough that their numbers stay in the processor's nearest cache.</summary>
    public const int BlockRows = 1 << 10;

    private readonly List<Page> _pages = [];
    private readonly ByteBuffer _body = new(1 << 18);
    private readonly ByteBuffer _bounds = new(1 << 10);
    private readonly ByteBuffer _levels = new(1 << 10);
    private readonly ByteBuffer _header = new(64);
    private readonly ThriftWriter _thrift;
    private readonly ushort[] _present = new ushort[PageRows + BlockRows];
    private bool _boundless;

    protected ColumnChunk() => _thrift = new ThriftWriter(_header);

    /// <summary>A data page; its bounds lie in the chunk's buffer for them.</summary>
    private readonly record struct Page(int Offset, int Size, long FirstRow, int Rows, int Nulls, bool HasBounds, Range Min, Range Max);

    public ParquetColumn Column { get; private set; } = new("", PhysicalType.Int32, false);

    /// <summary>Rows of the chunk, those to come among them.</summary>
    protected int ChunkRows { get; private set; }

    /// <summary>Rows that pages hold already.</summary>
    private long RowsDone { get; set; }

    protected int RowsInPage { get; private set; }

    private int NullsInPage { get; set; }

    protected int ValuesInPage => RowsInPage - NullsInPage;

    /// <summary>Encodings of the pages, a bit each.</summary>
    private int Encodings { get; set; }

    /// <summary>Of a page's values in their plain or packed form.</summary>
    protected ByteBuffer Values { get; } = new(1 << 17);

    /// <summary>Where the caller says of each row that it adds next whether it has a value: 1 or 0.</summary>
    public Span<ushort> Present => _present.AsSpan(RowsInPage, BlockRows);

    protected void Begin(ParquetColumn column, int rows)
    {
        (Column, ChunkRows, RowsDone, RowsInPage, NullsInPage, Encodings) = (column, rows, 0, 0, 0, 0);
        _pages.Clear();
        _body.Clear();
        _bounds.Clear();
        _boundless = false;
        Values.Clear();
    }

    /// <summary>Says of many rows of the page whether they have a value.</summary>
    protected void MarkPresent(int rows, ushort present) => _present.AsSpan(RowsInPage, rows).Fill(present);

    protected void Count(int rows, int values)
    {
        RowsInPage += rows;
        NullsInPage += rows - values;
    }

    /// <summary>Ends the page before rows whose presence the caller has said already: they are the first of the next.</summary>
    protected void EndPageBefore(int rows)
    {
        int done = RowsInPage;
        if (done > 0)
        {
            EndPage();
            _present.AsSpan(done, rows).CopyTo(_present);
        }
    }

    /// <summary>Encodes the page's values into <see cref="Values"/>, as far as they are not there already.</summary>
    protected abstract PageEncoding Encode();

    /// <summary>Appends smallest and largest value of the page.</summary>
    /// <returns>false if the page has none that may be told: then the column tells none at all.</returns>
    protected abstract bool TryBounds(ByteBuffer output, out int minLength);

    /// <summary>The dictionary page's values; 0 of them without one.</summary>
    protected abstract int DictionaryPage(out ReadOnlySpan<byte> values);

    protected virtual void EndPage()
    {
        PageEncoding encoding = ValuesInPage == 0 ? PageEncoding.Plain : Encode();
        Encodings |= 1 << (int)encoding;
        _levels.Clear();
        if (Column.Nullable)
        {
            WriteLevels();
        }

        int size = _levels.Length + Values.Length;
        _header.Clear();
        _thrift.Begin();
        _thrift.Int32(1, 0);
        _thrift.Int32(2, size);
        _thrift.Int32(3, size);
        _thrift.Begin(5);
        _thrift.Int32(1, RowsInPage);
        _thrift.Int32(2, (int)encoding);
        _thrift.Int32(3, (int)PageEncoding.Rle);
        _thrift.Int32(4, (int)PageEncoding.Rle);
        _thrift.End();
        _thrift.End();
        int offset = _body.Length;
        _body.Write(_header.Written);
        _body.Write(_levels.Written);
        _body.Write(Values.Written);
        int from = _bounds.Length;
        int minLength = 0;
        bool bounds = ValuesInPage > 0 && TryBounds(_bounds, out minLength);
        _boundless |= ValuesInPage > 0 && !bounds;
        _pages.Add(new Page(offset, _body.Length - offset, RowsDone, RowsInPage, NullsInPage, bounds, from..(from + minLength), (from + minLength).._bounds.Length));
        RowsDone += RowsInPage;
        RowsInPage = NullsInPage = 0;
        Values.Clear();
    }

    /// <summary>Writes the chunk.</summary>
    /// <param name="output">Gets the pages.</param>
    /// <param name="position">Of the output's start in the file.</param>
    /// <param name="indexes">Gets column index and offset index.</param>
    /// <param name="statistics">Gets the chunk's smallest and largest value.</param>
    public ChunkInfo End(ByteBuffer output, long position, ByteBuffer indexes, ByteBuffer statistics)
    {
        if (RowsInPage > 0)
        {
            EndPage();
        }

        long start = position + output.Length;
        int entries = DictionaryPage(out ReadOnlySpan<byte> dictionary);
        if (entries > 0)
        {
            _header.Clear();
            _thrift.Begin();
            _thrift.Int32(1, 2);
            _thrift.Int32(2, dictionary.Length);
            _thrift.Int32(3, dictionary.Length);
            _thrift.Begin(7);
            _thrift.Int32(1, entries);
            _thrift.Int32(2, (int)PageEncoding.Plain);
            _thrift.End();
            _thrift.End();
            output.Write(_header.Written);
            output.Write(dictionary);
            Encodings |= 1 << (int)PageEncoding.Plain;
        }

        long firstPage = position + output.Length;
        output.Write(_body.Written);
        int nulls = 0;
        int least = -1;
        int most = -1;
        for (int i = 0; i < _pages.Count; i++)
        {
            Page page = _pages[i];
            nulls += page.Nulls;
            if (page.HasBounds)
            {
                least = least < 0 || Column.Compare(Bound(page.Min), Bound(_pages[least].Min)) < 0 ? i : least;
                most = most < 0 || Column.Compare(Bound(page.Max), Bound(_pages[most].Max)) > 0 ? i : most;
            }
        }

        bool told = !_boundless && least >= 0;
        int from = statistics.Length;
        int split = from;
        if (told)
        {
            statistics.Write(Bound(_pages[least].Min));
            split = statistics.Length;
            statistics.Write(Bound(_pages[most].Max));
        }

        int columnIndex = indexes.Length;
        if (!_boundless)
        {
            WriteColumnIndex(indexes);
        }

        int offsetIndex = indexes.Length;
        WriteOffsetIndex(indexes, firstPage);
        return new ChunkInfo(
            Column,
            Encodings | (1 << (int)PageEncoding.Rle),
            RowsDone,
            nulls,
            start,
            firstPage,
            position + output.Length - start,
            entries > 0,
            told,
            from..split,
            split..statistics.Length,
            columnIndex..offsetIndex,
            offsetIndex..indexes.Length);
    }

    private ReadOnlySpan<byte> Bound(Range range) => _bounds.Written[range];

    private void WriteLevels()
    {
        _levels.WriteInt32(0);
        if (NullsInPage == 0 || ValuesInPage == 0)
        {
            RunLength.Run((ushort)(NullsInPage == 0 ? 1 : 0), RowsInPage, 1, _levels);
        }
        else
        {
            RunLength.Encode(_present.AsSpan(0, RowsInPage), 1, _levels);
        }

        MemoryMarshal.Write(_levels.At(0, 4), _levels.Length - 4);
    }

    private void WriteColumnIndex(ByteBuffer output)
    {
        ThriftWriter thrift = new(output);
        bool rising = true;
        bool falling = true;
        int before = -1;
        for (int i = 0; i < _pages.Count; i++)
        {
            if (!_pages[i].HasBounds)
            {
                continue;
            }

            if (before >= 0)
            {
                int min = Column.Compare(Bound(_pages[i].Min), Bound(_pages[before].Min));
                int max = Column.Compare(Bound(_pages[i].Max), Bound(_pages[before].Max));
                rising &= min >= 0 && max >= 0;
                falling &= min <= 0 && max <= 0;
            }

            before = i;
        }

        thrift.Begin();
        thrift.List(1, ThriftType.True, _pages.Count);
        foreach (Page page in _pages)
        {
            thrift.BoolItem(!page.HasBounds);
        }

        thrift.List(2, ThriftType.Binary, _pages.Count);
        foreach (Page page in _pages)
        {
            thrift.BinaryItem(Bound(page.Min));
        }

        thrift.List(3, ThriftType.Binary, _pages.Count);
        foreach (Page page in _pages)
        {
            thrift.BinaryItem(Bound(page.Max));
        }

        thrift.Int32(4, rising ? 1 : falling ? 2 : 0);
        thrift.List(5, ThriftType.Int64, _pages.Count);
        foreach (Page page in _pages)
        {
            thrift.NumberItem(page.Nulls);
        }

        thrift.End();
    }

    private void WriteOffsetIndex(ByteBuffer output, long firstPage)
    {
        ThriftWriter thrift = new(output);
        thrift.Begin();
        thrift.List(1, ThriftType.Struct, _pages.Count);
        foreach (Page page in _pages)
        {
            thrift.Begin();
            thrift.Int64(1, firstPage + page.Offset);
            thrift.Int32(2, page.Size);
            thrift.Int64(3, page.FirstRow);
            thrift.End();
        }

        thrift.End();
    }
}

/// <summary>What the footer says of a column chunk.</summary>
/// <param name="Encodings">A bit each.</param>
/// <param name="Start">Of the dictionary page or the first data page, bytes in the file.</param>
/// <param name="Min">In the row group's buffer of statistics, as <paramref name="Max"/>; only if <paramref name="HasBounds"/>.</param>
/// <param name="ColumnIndex">In the row group's buffer of indexes, as <paramref name="OffsetIndex"/>.</param>
internal readonly record struct ChunkInfo(
    ParquetColumn Column, int Encodings, long Rows, long Nulls, long Start, long FirstPage, long Size, bool HasDictionary, bool HasBounds, Range Min, Range Max, Range ColumnIndex, Range OffsetIndex);
