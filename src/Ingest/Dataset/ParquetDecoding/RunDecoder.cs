using System.Runtime.InteropServices;

namespace TraceReplay.Ingest.Dataset.ParquetDecoding;

/// <summary>Parquet's hybrid of runs and bit-packed groups of eight, as far as it is asked for.</summary>
internal struct RunDecoder
{
    private readonly byte[] _bytes;
    private readonly int _end;
    private readonly int _width;
    private int _at;

    // Of the run or the packed numbers under way.
    private int _left;
    private bool _packed;
    private int _value;
    private int _start;
    private int _index;

    /// <param name="bytes">Has <see cref="PackedBits.Slack"/> behind <paramref name="end"/>.</param>
    /// <param name="width">Bits of a number, 1 to 16.</param>
    public RunDecoder(byte[] bytes, int start, int end, int width) => (_bytes, _at, _end, _width) = (bytes, start, end, width);

    /// <summary>Decodes indexes and looks them up.</summary>
    /// <returns>false if there are fewer, or one is of no entry.</returns>
    public bool TryLook(ReadOnlySpan<long> dictionary, Span<long> into)
    {
        while (!into.IsEmpty)
        {
            if (_left == 0 && !TryBegin())
            {
                return false;
            }

            Span<long> now = into[..Math.Min(_left, into.Length)];
            if (_packed)
            {
                ref byte start = ref MemoryMarshal.GetReference(_bytes.AsSpan(_start));
                for (int i = 0; i < now.Length; i++)
                {
                    int index = PackedBits.Small(ref start, _index + i, _width);
                    if ((uint)index >= (uint)dictionary.Length)
                    {
                        return false;
                    }

                    now[i] = dictionary[index];
                }
            }
            else if (_value < dictionary.Length)
            {
                now.Fill(dictionary[_value]);
            }
            else
            {
                return false;
            }

            Skip(now.Length);
            into = into[now.Length..];
        }

        return true;
    }

    /// <summary>Decodes levels of one bit: 0 is a row without a value.</summary>
    /// <param name="known">Rows that have one.</param>
    public bool TryMark(Span<bool> unknown, out int known)
    {
        known = 0;
        while (!unknown.IsEmpty)
        {
            if (_left == 0 && !TryBegin())
            {
                return false;
            }

            Span<bool> now = unknown[..Math.Min(_left, unknown.Length)];
            if (_packed)
            {
                ref byte start = ref MemoryMarshal.GetReference(_bytes.AsSpan(_start));
                for (int i = 0; i < now.Length; i++)
                {
                    int level = PackedBits.Small(ref start, _index + i, 1);
                    now[i] = level == 0;
                    known += level;
                }
            }
            else
            {
                now.Fill(_value == 0);
                known += _value == 0 ? 0 : now.Length;
            }

            Skip(now.Length);
            unknown = unknown[now.Length..];
        }

        return true;
    }

    private void Skip(int count)
    {
        _left -= count;
        _index += count;
    }

    /// <summary>Reads what says of the next numbers how many they are, and sees to it that their bytes are there.</summary>
    private bool TryBegin()
    {
        uint head = 0;
        for (int shift = 0; ; shift += 7)
        {
            if (_at >= _end || shift > 28)
            {
                return false;
            }

            byte next = _bytes[_at++];
            head |= (uint)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                break;
            }
        }

        uint count = head >> 1;
        _packed = (head & 1) != 0;
        uint room = (uint)(_end - _at);
        if (_packed)
        {
            if (count == 0 || count > room / (uint)_width)
            {
                return false;
            }

            (_start, _index, _left) = (_at, 0, (int)count * 8);
            _at += (int)count * _width;
            return true;
        }

        int bytes = (_width + 7) / 8;
        if (count == 0 || bytes > room)
        {
            return false;
        }

        _value = bytes == 1 ? _bytes[_at] : _bytes[_at] | (_bytes[_at + 1] << 8);
        (_left, _at) = ((int)count, _at + bytes);

        // A number of more bits than it may have is damage, which readers take for this or that.
        return _value >> _width == 0;
    }
}
