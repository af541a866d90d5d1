using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using TraceReplay.Ingest.Dataset.ParquetEncoding;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>
/// One column of numbers, decoded as far as it is asked for: nothing but the encoded bytes of one row group is held. After a method
/// has returned false only <see cref="TryBegin"/> is of use.
/// </summary>
public sealed class NumberReader : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly FileForm _form;
    private readonly int _index;
    private readonly ParquetColumn _column;
    private byte[] _bytes = [];
    private int _at;
    private int _end;

    // Rows of the chunk, and of the page under way, that were not read yet.
    private int _rows;
    private int _pageRows;

    private PageEncoding _encoding;
    private RunDecoder _levels;
    private RunDecoder _indexes;
    private DeltaDecoder _delta;
    private int _plain;
    private int _plainBits;
    private int _pageEnd;
    private long[] _dictionary = [];
    private int _entries;

    internal NumberReader(SafeFileHandle file, FileForm form, int column)
    {
        (_file, _form, _index) = (file, form, column);
        _column = form.Columns[column];
    }

    public bool IsNullable => _column.Nullable;

    /// <summary>Goes to the first row of a row group.</summary>
    /// <returns>false if its bytes cannot be read.</returns>
    public bool TryBegin(int rowGroup)
    {
        RowGroupPlace group = _form.RowGroups[rowGroup];
        ChunkPlace place = group.Chunks[_index];
        (_at, _end, _rows, _pageRows, _entries) = (0, place.Size, group.Rows, 0, 0);
        int room = place.Size + PackedBits.Slack;
        if (_bytes.Length < room)
        {
            Release();
            _bytes = ArrayPool<byte>.Shared.Rent(room);
        }

        try
        {
            for (int done = 0; done < place.Size;)
            {
                int read = RandomAccess.Read(_file, _bytes.AsSpan(done, place.Size - done), place.Start + done);
                if (read == 0)
                {
                    return false;
                }

                done += read;
            }
        }
        catch (IOException)
        {
            return false;
        }

        return true;
    }

    /// <summary>The next rows of the row group: as 64-bit values, sign-extended if the column is signed.</summary>
    /// <param name="unknown">Of a nullable column: gets true where a row is NULL. As long as <paramref name="values"/>.</param>
    /// <param name="missing">What NULL reads as.</param>
    /// <returns>false if there are not as many, or if they are not in the form that the encoder writes.</returns>
    public bool TryRead(Span<long> values, Span<bool> unknown, long missing)
    {
        while (!values.IsEmpty)
        {
            if (_pageRows == 0 && !TryPage())
            {
                return false;
            }

            int rows = Math.Min(_pageRows, values.Length);
            bool read = _column.Nullable ? TryNullable(values[..rows], unknown[..rows], missing) : TryValues(values[..rows]);
            if (!read)
            {
                return false;
            }

            _pageRows -= rows;
            values = values[rows..];
            unknown = _column.Nullable ? unknown[rows..] : unknown;
        }

        return true;
    }

    public void Dispose() => Release();

    private void Release()
    {
        if (_bytes.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = [];
        }
    }

    private bool TryNullable(Span<long> values, Span<bool> unknown, long missing)
    {
        if (!_levels.TryMark(unknown, out int known) || !TryValues(values[..known]))
        {
            return false;
        }

        // From the end, as far as there are NULLs: a value never goes to a place before the one it has.
        for (int row = values.Length - 1; known <= row; row--)
        {
            values[row] = unknown[row] ? missing : values[--known];
        }

        return true;
    }

    private bool TryValues(Span<long> into)
    {
        switch (_encoding)
        {
            case PageEncoding.RleDictionary:
                return into.IsEmpty || _indexes.TryLook(_dictionary.AsSpan(0, _entries), into);
            case PageEncoding.DeltaBinaryPacked:
                if (!into.IsEmpty && !_delta.TryRead(into))
                {
                    return false;
                }

                // Steps are added in 32 bits, and may wrap.
                Narrow(into);
                return true;
            default:
                return TryPlain(into);
        }
    }

    private bool TryPlain(Span<long> into)
    {
        if (_column.Physical == PhysicalType.Boolean)
        {
            if ((((long)_plainBits + into.Length + 7) / 8) > _pageEnd - _plain)
            {
                return false;
            }

            for (int i = 0; i < into.Length; i++, _plainBits++)
            {
                into[i] = (_bytes[_plain + (_plainBits >> 3)] >> (_plainBits & 7)) & 1;
            }

            return true;
        }

        int size = into.Length * _column.Width;
        if (size > _pageEnd - _plain)
        {
            return false;
        }

        Widen(_bytes.AsSpan(_plain, size), into);
        _plain += size;
        return true;
    }

    private void Widen(ReadOnlySpan<byte> plain, Span<long> into)
    {
        if (_column.Width == 8)
        {
            MemoryMarshal.Cast<byte, long>(plain).CopyTo(into);
            return;
        }

        ReadOnlySpan<int> narrow = MemoryMarshal.Cast<byte, int>(plain);
        for (int i = 0; i < into.Length; i++)
        {
            into[i] = narrow[i];
        }

        Narrow(into);
    }

    /// <summary>Keeps as many bits as the column's type has.</summary>
    private void Narrow(Span<long> values)
    {
        int unused = 64 - _column.Bits;
        if (unused is 0 or 64)
        {
            return;
        }

        if (_column.Signed)
        {
            foreach (ref long value in values)
            {
                value = value << unused >> unused;
            }
        }
        else
        {
            foreach (ref long value in values)
            {
                value = (long)((ulong)value << unused >> unused);
            }
        }
    }

    private bool TryPage()
    {
        while (_rows > 0 && _at < _end)
        {
            PageHead head = PageHead.Read(_bytes.AsSpan(_at, _end - _at));
            int start = _at + head.Length;
            if (head.Failed || head.Size > _end - start)
            {
                return false;
            }

            _at = start + head.Size;
            if (!head.IsDictionary)
            {
                return head.Values <= _rows && TryBeginPage(head, start);
            }

            if (_entries > 0 || !TryDictionary(head, start))
            {
                return false;
            }
        }

        return false;
    }

    private bool TryDictionary(in PageHead head, int start)
    {
        int width = _column.Width;
        if (width == 0 || head.Encoding != PageEncoding.Plain || (long)head.Values * width > head.Size)
        {
            return false;
        }

        if (_dictionary.Length < head.Values)
        {
            _dictionary = new long[Math.Max(head.Values, 256)];
        }

        _entries = head.Values;
        Widen(_bytes.AsSpan(start, head.Values * width), _dictionary.AsSpan(0, head.Values));
        return true;
    }

    private bool TryBeginPage(in PageHead head, int start)
    {
        (_pageEnd, _pageRows, _encoding, _plainBits) = (start + head.Size, head.Values, head.Encoding, 0);
        _rows -= head.Values;
        if (_column.Nullable)
        {
            int levels = head.Size < 4 ? -1 : BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(start));
            if (levels < 0 || levels > head.Size - 4)
            {
                return false;
            }

            _levels = new RunDecoder(_bytes, start + 4, start + 4 + levels, width: 1);
            start += 4 + levels;
        }

        switch (head.Encoding)
        {
            case PageEncoding.Plain:
                _plain = start;
                return true;
            case PageEncoding.RleDictionary:
                int width = start < _pageEnd ? _bytes[start] : 0;
                _indexes = new RunDecoder(_bytes, start + 1, _pageEnd, width);
                return width is >= 1 and <= 16;
            case PageEncoding.DeltaBinaryPacked:
                return _column.Bits > 0 && DeltaDecoder.TryBegin(_bytes, start, _pageEnd, out _delta);
            default:
                return false;
        }
    }
}
