using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace TraceReplay.Ingest.Tracefs;

/// <summary>Where one record's payload lies in a buffer of pages.</summary>
internal readonly record struct RecordRef(long Timestamp, int Offset, int Length);

/// <summary>The records of some ring-buffer pages, and the holes between them.</summary>
internal sealed class RecordList
{
    public RecordRef[] Records = new RecordRef[1024];
    public int Count;

    /// <summary>(Index of the record that follows the hole, how many were lost; -1 = the kernel did not say).</summary>
    public List<(int Before, long Count)> Lost { get; } = [];

    public void Clear()
    {
        Count = 0;
        Lost.Clear();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Add(long timestamp, int offset, int length)
    {
        if (Count == Records.Length)
        {
            Array.Resize(ref Records, Count * 2);
        }

        Records[Count++] = new RecordRef(timestamp, offset, length);
    }
}

/// <summary>
/// Splits ring-buffer pages (sub-buffers) into records and gives each its raw time stamp (spec/trace-formats section 2).
/// </summary>
internal sealed class RingBufferPage(HeaderPage layout, bool bigEndian)
{
    private const uint CommitMask = (1u << 27) - 1;
    private const ulong LostBefore = 1u << 31;
    private const ulong LostCountStored = 1u << 30;
    private const ulong AbsoluteTopBits = 0xf8UL << 56;

    private const int TypePadding = 29;
    private const int TypeTimeExtend = 30;
    private const int TypeTimeStamp = 31;

    private readonly int _commitOffset = layout.CommitOffset;
    private readonly int _dataOffset = layout.DataOffset;
    private readonly int _longSize = layout.LongSize;

    /// <summary>Appends the records of one page.</summary>
    /// <param name="buffer">Holds the page at <paramref name="start"/>.</param>
    /// <param name="size">Bytes of the page, header included.</param>
    /// <param name="cut">The page is the last of a file cut short: what is whole of it counts.</param>
    /// <param name="error">What is wrong at the returned position.</param>
    /// <returns>-1, or the position in the buffer from which on the page makes no sense; records before it were appended.</returns>
    public int Split(ReadOnlySpan<byte> buffer, int start, int size, bool cut, RecordList into, out string error)
    {
        error = "";
        if (size < _dataOffset)
        {
            error = $"a page of {size} bytes";
            return start;
        }

        ulong time = U64(buffer, start);
        ulong commit = _longSize == 8 ? U64(buffer, start + _commitOffset) : U32(buffer, start + _commitOffset);
        int used = (int)(commit & CommitMask);
        if (used > size - _dataOffset)
        {
            if (cut)
            {
                used = size - _dataOffset;
            }
            else
            {
                error = $"a page with {used} bytes of records in room for {size - _dataOffset}";
                return start + _commitOffset;
            }
        }

        int pos = start + _dataOffset;
        int end = pos + used;
        if ((commit & LostBefore) != 0)
        {
            long lost = -1;
            if ((commit & LostCountStored) != 0 && end + _longSize <= start + size)
            {
                lost = _longSize == 8 ? (long)U64(buffer, end) : U32(buffer, end);
            }

            into.Lost.Add((into.Count, lost));
        }

        while (pos < end)
        {
            if (end - pos < 4)
            {
                error = $"{end - pos} bytes after the last record";
                return pos;
            }

            uint header = U32(buffer, pos);
            int type;
            ulong delta;
            if (bigEndian)
            {
                type = (int)(header >> 27);
                delta = header & CommitMask;
            }
            else
            {
                type = (int)(header & 31);
                delta = header >> 5;
            }

            if (type is > 0 and < TypePadding)
            {
                int length = type * 4;
                if (length > end - pos - 4)
                {
                    error = $"a record of {length} bytes with {end - pos - 4} left in its page";
                    return pos;
                }

                time += delta;
                into.Add((long)time, pos + 4, length);
                pos += 4 + length;
                continue;
            }

            if (type == TypePadding && delta == 0)
            {
                break;
            }

            if (end - pos < 8)
            {
                error = "a record header cut off by the end of its page";
                return pos;
            }

            uint word = U32(buffer, pos + 4);
            switch (type)
            {
                case TypeTimeExtend:
                    time += ((ulong)word << 27) + delta;
                    pos += 8;
                    break;

                case TypeTimeStamp:
                    ulong low = ((ulong)word << 27) | delta;
                    ulong full = (time & AbsoluteTopBits) | low;
                    // 59 bits wrap after 18 years of nanoseconds; a step back can only mean that they did.
                    if (full < time && (time - full) > (1UL << 58))
                    {
                        full += 1UL << 59;
                    }

                    time = full;
                    pos += 8;
                    break;

                default:
                    // Length counts its own four bytes; padding is a record that was discarded after its reservation.
                    long length = type == TypePadding ? word : (long)word - 4;
                    long step = (length + 3) & ~3L;
                    int head = type == TypePadding ? 4 : 8;
                    if (length < 0 || step > end - pos - head)
                    {
                        error = $"a record of {length} bytes with {end - pos - head} left in its page";
                        return pos;
                    }

                    time += delta;
                    if (type == 0)
                    {
                        into.Add((long)time, pos + 8, (int)length);
                    }

                    pos += head + (int)step;
                    break;
            }
        }

        return -1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint U32(ReadOnlySpan<byte> buffer, int at) => bigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(buffer[at..])
        : BinaryPrimitives.ReadUInt32LittleEndian(buffer[at..]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong U64(ReadOnlySpan<byte> buffer, int at) => bigEndian
        ? BinaryPrimitives.ReadUInt64BigEndian(buffer[at..])
        : BinaryPrimitives.ReadUInt64LittleEndian(buffer[at..]);
}
