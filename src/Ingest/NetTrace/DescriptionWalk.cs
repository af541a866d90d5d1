using System.Buffers.Binary;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>
/// Steps over descriptions of events to see that they are of a size that fields can have: TraceEvent makes room for as many as
/// a description promises, and follows nested types on the stack. What makes no sense otherwise is left to TraceEvent.
/// </summary>
internal ref struct DescriptionWalk
{
    // A real event has structures in structures at most.
    private const int DeepestNesting = 32;

    private readonly ReadOnlySpan<byte> _bytes;
    private readonly Layout _layout;
    private int _at;
    private string? _excess;

    private DescriptionWalk(ReadOnlySpan<byte> bytes, Layout layout)
    {
        _bytes = bytes;
        _layout = layout;
    }

    private enum Layout
    {
        TypeThenName,
        SizedOld,
        Sized,
    }

    private readonly int Left => _bytes.Length - _at;

    /// <param name="block">The content of a metadata block of version 6.</param>
    public static string? FindExcess(ReadOnlySpan<byte> block)
    {
        DescriptionWalk rows = new(block, Layout.Sized);
        if (!rows.Skip(2) || !rows.Skip(BinaryPrimitives.ReadUInt16LittleEndian(block)))
        {
            return null;
        }

        while (rows.TryNumber(2, out int size) && size <= rows.Left)
        {
            DescriptionWalk row = new(block.Slice(rows._at, size), Layout.Sized);
            if (row.SkipVarint() && row.SkipText() && row.SkipVarint() && row.SkipText())
            {
                row.SkipFields(0);
            }

            if (row._excess is not null)
            {
                return row._excess;
            }

            rows._at += size;
        }

        return null;
    }

    /// <param name="payload">The payload of a metadata event of version 4 or 5.</param>
    public static string? FindExcessOld(ReadOnlySpan<byte> payload)
    {
        DescriptionWalk row = new(payload, Layout.TypeThenName);
        if (!row.Skip(4) || !row.SkipUtf16() || !row.Skip(4) || !row.SkipUtf16() || !row.Skip(16) || row.Left == 0)
        {
            return null;
        }

        // Fields that cannot be parsed are given up; TraceEvent then looks for tags where it stopped.
        row.SkipFields(0);
        while (row._excess is null && row.TryNumber(4, out int size) && row.TryNumber(1, out int tag) && size >= 0 && size <= row.Left)
        {
            DescriptionWalk sized = new(payload.Slice(row._at, size), Layout.SizedOld);
            if (tag == 2)
            {
                sized.SkipFields(0);
                row._excess = sized._excess;
            }

            row._at += size;
        }

        return row._excess;
    }

    private bool SkipFields(int depth)
    {
        if (!TryNumber(_layout == Layout.Sized ? 2 : 4, out int count) || count < 0)
        {
            return false;
        }

        if (count > Left || depth > DeepestNesting)
        {
            _excess = count > Left ? $"{count} fields in {Left} bytes" : $"types nested {depth} deep";
            return false;
        }

        if (count == 0 && depth > 0)
        {
            // An array of nothing has as many elements as its count says, out of two bytes of payload.
            _excess = "a structure without fields";
            return false;
        }

        for (; count > 0; count--)
        {
            if (!SkipField(depth))
            {
                return false;
            }
        }

        return true;
    }

    private bool SkipField(int depth)
    {
        if (_layout == Layout.TypeThenName)
        {
            return SkipType(depth) && SkipUtf16();
        }

        if (!TryNumber(_layout == Layout.Sized ? 2 : 4, out int size))
        {
            return false;
        }

        size -= _layout == Layout.Sized ? 0 : 4;
        if (size < 0 || size > Left)
        {
            return false;
        }

        DescriptionWalk field = new(_bytes.Slice(_at, size), _layout);
        bool sound = (_layout == Layout.Sized ? field.SkipText() : field.SkipUtf16()) && field.SkipType(depth);
        _excess ??= field._excess;
        _at += size;
        return sound;
    }

    private bool SkipType(int depth)
    {
        const int Structure = 1;
        const int Array = 19;
        const int FixedArray = 22;
        const int RelativeLocation = 24;
        const int DataLocation = 25;
        if (depth > DeepestNesting)
        {
            _excess = $"types nested {depth} deep";
            return false;
        }

        return TryNumber(_layout == Layout.Sized ? 1 : 4, out int code) && code switch
        {
            Structure => SkipFields(depth + 1),
            FixedArray => SkipType(depth + 1) && SkipElementCount(),
            Array or RelativeLocation or DataLocation => SkipType(depth + 1),
            _ => true,
        };
    }

    private bool SkipElementCount()
    {
        if (!TryNumber(2, out int count))
        {
            return false;
        }

        _excess = count == 0 ? "an array without elements" : _excess;
        return count > 0;
    }

    private bool Skip(int count)
    {
        if (count < 0 || count > Left)
        {
            return false;
        }

        _at += count;
        return true;
    }

    private bool TryNumber(int size, out int value)
    {
        value = 0;
        if (Left < size)
        {
            return false;
        }

        for (int i = 0; i < size; i++)
        {
            value |= _bytes[_at++] << (8 * i);
        }

        return true;
    }

    private bool SkipVarint() => TryVarint(out _);

    private bool TryVarint(out int value)
    {
        value = 0;
        for (int shift = 0; shift < 35; shift += 7)
        {
            if (Left == 0)
            {
                return false;
            }

            byte b = _bytes[_at++];
            value |= (b & 0x7f) << shift;
            if (b < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    private bool SkipText() => TryVarint(out int length) && Skip(length);

    private bool SkipUtf16()
    {
        for (int i = _at; i + 1 < _bytes.Length; i += 2)
        {
            if (_bytes[i] == 0 && _bytes[i + 1] == 0)
            {
                _at = i + 2;
                return true;
            }
        }

        return false;
    }
}
