using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Unicode;
using TraceReplay.Ingest.Tracefs;

namespace TraceReplay.Ingest.Dataset.ParquetEncoding;

/// <summary>A column chunk of texts or byte strings: as a dictionary while they repeat, else one after the other behind their lengths.</summary>
internal sealed class TextChunk : ColumnChunk
{
    // Names of functions repeat and are thousands; more distinct ones than this are rather not names.
    private const int Most = 1 << 13;

    // A dictionary is read before the first row: it should not hold what is better read as it comes.
    private const int MostBytes = 1 << 19;

    // A reader holds a page as a whole.
    private const int MostPageBytes = 1 << 20;

    // Of a number: its text is NULL.
    private const int Null = -1;

    // Bounds longer than this help nobody to skip a page.
    private const int LongestBound = 256;

    private static readonly ulong s_seed = (ulong)Random.Shared.NextInt64() | 1;

    private readonly ushort[] _indexes = new ushort[PageRows + BlockRows];
    private readonly long[] _lengths = new long[PageRows + BlockRows];
    private readonly ByteBuffer _dictionary = new(1 << 12);
    private readonly List<Entry> _entries = [];
    private readonly ByteBuffer _bytes = new(256);
    private readonly ByteBuffer _least = new(64);
    private readonly ByteBuffer _most = new(64);
    private readonly DeltaEncoder _delta = new();
    private readonly (string? Text, int Index)[] _known = new (string?, int)[16];
    private int[] _ofCodes = new int[64];
    private ushort[] _slots = new ushort[64];
    private byte[] _utf8 = new byte[256];
    private bool _plain;
    private bool _decided;
    private int _filled;
    private int _pages;
    private bool _any;

    private struct Entry
    {
        /// <summary>Of the bytes in the dictionary page, behind their length.</summary>
        public int Offset;
        public int Length;
        public ulong Hash;

        /// <summary>The last page that has it: a text is compared with the page's bounds once.</summary>
        public int Page;
    }

    public new void Begin(ParquetColumn column, int rows)
    {
        base.Begin(column, rows);
        (_plain, _decided, _any) = (false, false, false);
        _filled = 0;
        _pages = 1;
        ClearDictionary();
    }

    public void AddNull()
    {
        Present[0] = 0;
        Count(1, 0);
        EndFullPage();
    }

    public void Add(string? text)
    {
        if (text is null)
        {
            AddNull();
            return;
        }

        // Names of threads are the same objects in every row: finding one again by its bytes would cost ten times as much.
        ref (string? Text, int Index) known = ref _known[RuntimeHelpers.GetHashCode(text) & 15];
        if (!_plain && ReferenceEquals(known.Text, text))
        {
            AddIndex(known.Index);
            return;
        }

        int most = Encoding.UTF8.GetMaxByteCount(text.Length);
        if (_utf8.Length < most)
        {
            _utf8 = new byte[most];
        }

        AddValid(_utf8.AsSpan(0, Encoding.UTF8.GetBytes(text, _utf8)));
        if (!_plain && _filled > 0)
        {
            known = (text, _indexes[_filled - 1]);
        }
    }

    /// <param name="bytes">Of a text: what is no UTF-8 is written as <see cref="TraceText"/> shows it.</param>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (!_plain && Find(bytes, Hash(bytes), out _) is >= 0 and int index)
        {
            AddIndex(index);
        }
        else
        {
            AddValid(!Column.IsText || Utf8.IsValid(bytes) ? bytes : Encoding.UTF8.GetBytes(TraceText.Decode(bytes)));
        }
    }

    /// <summary>The same text, or NULL, in rows that follow each other: one is looked up, the others are filled in.</summary>
    public void Add(string? text, int rows)
    {
        for (int done = 0; done < rows;)
        {
            Add(text);
            done++;
            int more = Math.Min(rows - done, PageRows - RowsInPage);
            if (_plain || RowsInPage == 0 || more == 0)
            {
                continue;
            }

            Repeat(text is null, more);
            done += more;
        }
    }

    /// <summary>Texts by their numbers. The file is the same as if they came one by one.</summary>
    public void Add(ReadOnlySpan<ushort> codes, Func<int, string?> text)
    {
        Array.Clear(_ofCodes);
        while (!codes.IsEmpty)
        {
            int known = AddKnown(codes);
            codes = codes[known..];
            if (!codes.IsEmpty && known == 0)
            {
                AddNew(codes[0], text(codes[0]));
                codes = codes[1..];
            }
        }
    }

    protected override PageEncoding Encode()
    {
        if (!_plain)
        {
            int width = Math.Max(1, 32 - int.LeadingZeroCount(_entries.Count - 1));
            Values.WriteByte((byte)width);
            RunLength.Encode(_indexes.AsSpan(0, _filled), width, Values);
            return PageEncoding.RleDictionary;
        }

        // The lengths come first, but the bytes were there before them.
        _bytes.Clear();
        _bytes.Write(Values.Written);
        Values.Clear();
        _delta.Begin(narrow: true);
        for (int at = 0; at < _filled; at += BlockRows)
        {
            _delta.Add(_lengths.AsSpan(at, Math.Min(BlockRows, _filled - at)));
        }

        _delta.End(Values);
        Values.Write(_bytes.Written);
        return PageEncoding.DeltaLengthByteArray;
    }

    protected override void EndPage()
    {
        Decide();
        base.EndPage();
        _filled = 0;
        _any = false;
        _pages++;
    }

    protected override bool TryBounds(ByteBuffer output, out int minLength)
    {
        minLength = _least.Length;
        if (_least.Length > LongestBound || _most.Length > LongestBound)
        {
            return false;
        }

        output.Write(_least.Written);
        output.Write(_most.Written);
        return true;
    }

    protected override int DictionaryPage(out ReadOnlySpan<byte> values)
    {
        values = _dictionary.Written;
        return _entries.Count;
    }

    /// <summary>Adds the first rows, as long as their texts are in the dictionary and the page and the block have room.</summary>
    private int AddKnown(ReadOnlySpan<ushort> codes)
    {
        // Until it is decided whether they are a dictionary, texts are added one by one.
        if (_plain)
        {
            return 0;
        }

        int[] ofCodes = _ofCodes;
        Span<Entry> entries = CollectionsMarshal.AsSpan(_entries);
        Span<ushort> present = Present;
        codes = codes[..Math.Min(codes.Length, Math.Min(PageRows - RowsInPage, BlockRows))];
        int row = 0;
        int values = 0;
        for (int run; row < codes.Length; row += run)
        {
            int code = codes[row];
            int known = code < ofCodes.Length ? ofCodes[code] : 0;

            // Most columns of few texts have one of them for long.
            run = row + 1 < codes.Length && codes[row + 1] == code ? Run(codes[row..]) : 1;
            if (known == Null)
            {
                present.Slice(row, run).Clear();
                continue;
            }

            if (known == 0 || !_decided)
            {
                break;
            }

            ref Entry entry = ref entries[known - 1];
            if (entry.Page != _pages)
            {
                entry.Page = _pages;
                Extend(_dictionary.Written.Slice(entry.Offset, entry.Length));
            }

            _indexes.AsSpan(_filled + values, run).Fill((ushort)(known - 1));
            present.Slice(row, run).Fill(1);
            values += run;
        }

        _filled += values;
        Count(row, values);
        EndFullPage();
        return row;
    }

    private static int Run(ReadOnlySpan<ushort> codes) => codes.IndexOfAnyExcept(codes[0]) is >= 0 and int other ? other : codes.Length;

    private void AddNew(int code, string? text)
    {
        Add(text);
        if (code >= _ofCodes.Length)
        {
            Array.Resize(ref _ofCodes, Math.Max(code + 1, _ofCodes.Length * 2));
        }

        // A page that has just ended does not tell the index any more; the next row does.
        _ofCodes[code] = text is null ? Null : !_plain && _filled > 0 ? _indexes[_filled - 1] + 1 : 0;
    }

    private void AddValid(ReadOnlySpan<byte> bytes)
    {
        if (!_plain)
        {
            ulong hash = Hash(bytes);
            int index = Find(bytes, hash, out int slot);
            if (index < 0 && _entries.Count < Most && _dictionary.Length < MostBytes)
            {
                index = NewEntry(bytes, hash, slot);
            }

            if (index >= 0)
            {
                AddIndex(index);
                return;
            }

            if (RowsInPage > 0)
            {
                EndPage();
            }

            _plain = true;
        }

        AddPlain(bytes);
        Present[0] = 1;
        Count(1, 1);
        EndFullPage();
    }

    private void AddIndex(int index)
    {
        ref Entry entry = ref CollectionsMarshal.AsSpan(_entries)[index];
        if (entry.Page != _pages)
        {
            entry.Page = _pages;
            Extend(_dictionary.Written.Slice(entry.Offset, entry.Length));
        }

        _indexes[_filled++] = (ushort)index;
        Present[0] = 1;
        Count(1, 1);
        if (_filled == BlockRows)
        {
            Decide();
        }

        EndFullPage();
    }

    /// <summary>The row before again; there are as many left in the page.</summary>
    private void Repeat(bool isNull, int rows)
    {
        MarkPresent(rows, isNull ? (ushort)0 : (ushort)1);
        if (!isNull)
        {
            _indexes.AsSpan(_filled, rows).Fill(_indexes[_filled - 1]);
            _filled += rows;
            if (_filled >= BlockRows)
            {
                Decide();
            }
        }

        Count(rows, isNull ? 0 : rows);
        EndFullPage();
    }

    private void AddPlain(ReadOnlySpan<byte> bytes)
    {
        Extend(bytes);
        _lengths[_filled++] = bytes.Length;
        Values.Write(bytes);
    }

    private void EndFullPage()
    {
        if (RowsInPage >= PageRows || Values.Length >= MostPageBytes)
        {
            EndPage();
        }
    }

    /// <summary>Once, after the first block: texts of which few come again are no dictionary, and are taken out of it.</summary>
    private void Decide()
    {
        if (_decided || _plain || _filled == 0)
        {
            return;
        }

        _decided = true;
        if (_entries.Count * 4 > _filled * 3 && _filled > 1)
        {
            _plain = true;
            int filled = _filled;
            _filled = 0;
            for (int i = 0; i < filled; i++)
            {
                Entry entry = _entries[_indexes[i]];
                AddPlain(_dictionary.Written.Slice(entry.Offset, entry.Length));
            }

            ClearDictionary();
        }
    }

    private void Extend(ReadOnlySpan<byte> bytes)
    {
        if (!_any || bytes.SequenceCompareTo(_least.Written) < 0)
        {
            _least.Clear();
            _least.Write(bytes);
        }

        if (!_any || bytes.SequenceCompareTo(_most.Written) > 0)
        {
            _most.Clear();
            _most.Write(bytes);
        }

        _any = true;
    }

    private int NewEntry(ReadOnlySpan<byte> bytes, ulong hash, int slot)
    {
        _dictionary.WriteInt32(bytes.Length);
        _entries.Add(new Entry { Offset = _dictionary.Length, Length = bytes.Length, Hash = hash });
        _dictionary.Write(bytes);
        _slots[slot] = (ushort)_entries.Count;
        if (_entries.Count * 2 > _slots.Length)
        {
            _slots = new ushort[_slots.Length * 4];
            for (int i = 0; i < _entries.Count; i++)
            {
                int at = (int)_entries[i].Hash & (_slots.Length - 1);
                while (_slots[at] != 0)
                {
                    at = (at + 1) & (_slots.Length - 1);
                }

                _slots[at] = (ushort)(i + 1);
            }
        }

        return _entries.Count - 1;
    }

    private int Find(ReadOnlySpan<byte> bytes, ulong hash, out int slot)
    {
        ReadOnlySpan<byte> dictionary = _dictionary.Written;
        for (slot = (int)hash & (_slots.Length - 1); _slots[slot] != 0; slot = (slot + 1) & (_slots.Length - 1))
        {
            Entry entry = _entries[_slots[slot] - 1];
            if (entry.Hash == hash && bytes.SequenceEqual(dictionary.Slice(entry.Offset, entry.Length)))
            {
                return _slots[slot] - 1;
            }
        }

        return -1;
    }

    private void ClearDictionary()
    {
        _dictionary.Clear();
        _entries.Clear();
        Array.Clear(_slots);
        Array.Clear(_known);
    }

    private static ulong Hash(ReadOnlySpan<byte> bytes)
    {
        // Seeded, so that no capture can be made whose texts all meet in one slot.
        ulong hash = s_seed ^ (ulong)bytes.Length;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            hash = Mix(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        ulong rest = 0;
        foreach (byte b in bytes)
        {
            rest = (rest << 8) | b;
        }

        return Mix(hash ^ rest);
    }

    private static ulong Mix(ulong value)
    {
        ulong high = Math.BigMul(value, 0x9E3779B97F4A7C15 ^ s_seed, out ulong low);
        return high ^ low;
    }
}
