using System.Buffers.Binary;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.PerfData;

/// <summary>Takes the records of a perf.data file one by one.</summary>
internal interface IRecordVisitor
{
    /// <param name="record">With its header; valid only during the call.</param>
    /// <param name="offset">Of the record, or of the compressed record that holds it.</param>
    /// <returns>null, or why reading must stop here.</returns>
    CaptureDamage? Record(uint type, ReadOnlySpan<byte> record, long offset);

    /// <summary>Takes samples that need no more than a look at known places.</summary>
    /// <param name="data">Begins with a record, ends anywhere.</param>
    /// <returns>Bytes of the whole records taken; the one behind them is visited.</returns>
    int Take(ReadOnlySpan<byte> data) => 0;
}

/// <summary>
/// Steps through records, those in zstd-compressed records included (spec/trace-formats 4.2). One zstd stream runs through all
/// compressed records of a file, and a record may begin in one of them and end in the next.
/// </summary>
internal sealed class RecordReader(CaptureFile file, bool bigEndian, bool decompress = true) : IDisposable
{
    public const int HeaderSize = 8;
    private const int WindowSize = 1 << 18;
    private const int LargestRecord = ushort.MaxValue;

    private readonly byte[] _window = new byte[WindowSize];
    private byte[] _plain = [];
    private int _plainHave;
    private ZstdSharp.Decompressor? _zstd;

    /// <summary>Reads a range of the file, which starts a zstd stream of its own.</summary>
    /// <returns>null, or where the records stopped making sense; all before it were visited.</returns>
    public CaptureDamage? Read(FileRange range, IRecordVisitor visitor, CancellationToken cancellation)
    {
        _zstd?.Dispose();
        _zstd = null;
        _plainHave = 0;
        long end = Math.Min(range.End, file.Length);
        long at = range.Offset;
        int have = 0;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            int want = (int)Math.Min(_window.Length - have, Math.Max(0, end - at - have));
            int got = file.Read(at + have, _window.AsSpan(have, want));
            have += got;
            if (have == 0)
            {
                break;
            }

            (int used, long skip, CaptureDamage? damage) = Walk(_window.AsSpan(0, have), at, visitor);
            if (damage is not null)
            {
                return damage;
            }

            if (used == 0)
            {
                string found = end < range.End ? $"the file ends at 0x{end:x}" : $"{have} bytes at the end of the records";
                return Damage(at, found, "expected a whole record");
            }

            at += used;
            if (skip > 0)
            {
                // What follows the record is not in its size; it was not read, or is thrown away.
                if (skip > end - at)
                {
                    return Damage(at, $"{end - at} bytes left", $"expected {skip} bytes of data behind the record");
                }

                at += skip;
                have = 0;
                continue;
            }

            have -= used;
            _window.AsSpan(used, have).CopyTo(_window);
        }

        if (end < range.End)
        {
            return Damage(end, $"the file ends at 0x{end:x}", $"expected records up to 0x{range.End:x}");
        }

        return _plainHave == 0 ? null : Damage(end, $"{_plainHave} decompressed bytes left over", "expected a whole record");
    }

    public void Dispose() => _zstd?.Dispose();

    /// <summary>Visits whole records; stops before one that is not, and behind one that data follow.</summary>
    private (int Used, long Skip, CaptureDamage? Damage) Walk(ReadOnlySpan<byte> data, long offset, IRecordVisitor visitor, bool inside = false)
    {
        int pos = 0;
        while (data.Length - pos >= HeaderSize)
        {
            pos += visitor.Take(data[pos..]);
            if (data.Length - pos < HeaderSize)
            {
                break;
            }

            ReadOnlySpan<byte> rest = data[pos..];
            uint type = U32(rest);
            int size = U16(rest[6..]);
            long at = inside ? offset : offset + pos;
            if (size < HeaderSize)
            {
                return (pos, 0, Damage(at, $"a record of {size} bytes", $"expected {HeaderSize} and more"));
            }

            if (size > rest.Length)
            {
                break;
            }

            ReadOnlySpan<byte> record = rest[..size];
            pos += size;
            if (type is RecordTypes.Compressed or RecordTypes.Compressed2)
            {
                if (decompress && (inside ? Damage(at, "a compressed record within another", "expected plain records") : Decompress(type, record, at, visitor)) is { } damage)
                {
                    return (pos, 0, damage);
                }

                continue;
            }

            if (visitor.Record(type, record, at) is { } stop)
            {
                return (pos, 0, stop);
            }

            if (type is RecordTypes.AuxTrace or RecordTypes.TracingData && !inside)
            {
                return FollowedBy(type, record, at, pos);
            }
        }

        return (pos, 0, null);
    }

    private (int Used, long Skip, CaptureDamage? Damage) FollowedBy(uint type, ReadOnlySpan<byte> record, long at, int pos)
    {
        if (record.Length < (type == RecordTypes.AuxTrace ? 16 : 12))
        {
            return (pos, 0, Damage(at, $"a record of {record.Length} bytes", "expected one with the size of what follows"));
        }

        ulong size = type == RecordTypes.AuxTrace ? U64(record[8..]) : ((ulong)U32(record[8..]) + 7) & ~7UL;
        return size > long.MaxValue ? (pos, 0, Damage(at + 8, $"a size of {size}", "expected data within the file")) : (pos, (long)size, null);
    }

    private CaptureDamage? Decompress(uint type, ReadOnlySpan<byte> record, long at, IRecordVisitor visitor)
    {
        ReadOnlySpan<byte> packed = record[HeaderSize..];
        if (type == RecordTypes.Compressed2)
        {
            ulong size = packed.Length >= 8 ? U64(packed) : ulong.MaxValue;
            if (size > (ulong)Math.Max(0, packed.Length - 8))
            {
                return Damage(at + HeaderSize, $"{size} compressed bytes in a record of {record.Length}", "expected them within the record");
            }

            packed = packed.Slice(8, (int)size);
        }

        if (_plain.Length == 0)
        {
            _plain = new byte[WindowSize + LargestRecord];
        }

        _zstd ??= new ZstdSharp.Decompressor();
        while (true)
        {
            int consumed;
            int written;
            try
            {
                _ = _zstd.UnwrapStream(packed, _plain.AsSpan(_plainHave), out consumed, out written);
            }
            catch (ZstdSharp.ZstdException e)
            {
                return Damage(at + HeaderSize, $"{packed.Length} bytes that do not decompress ({e.Message})", "expected a piece of a zstd stream");
            }

            packed = packed[consumed..];
            _plainHave += written;
            bool full = _plainHave == _plain.Length;
            (int used, _, CaptureDamage? damage) = Walk(_plain.AsSpan(0, _plainHave), at, visitor, inside: true);
            _plainHave -= used;
            _plain.AsSpan(used, _plainHave).CopyTo(_plain);
            if (damage is not null)
            {
                return damage;
            }

            if (packed.IsEmpty && !full)
            {
                return null;
            }

            if (consumed == 0 && written == 0)
            {
                return Damage(at + HeaderSize, $"{packed.Length} bytes that do not decompress", "expected a piece of a zstd stream");
            }
        }
    }

    private CaptureDamage Damage(long offset, string found, string expected) => new(file.DisplayName, offset, found, expected);

    private ushort U16(ReadOnlySpan<byte> b) => bigEndian ? BinaryPrimitives.ReadUInt16BigEndian(b) : BinaryPrimitives.ReadUInt16LittleEndian(b);

    private uint U32(ReadOnlySpan<byte> b) => bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(b) : BinaryPrimitives.ReadUInt32LittleEndian(b);

    private ulong U64(ReadOnlySpan<byte> b) => bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(b) : BinaryPrimitives.ReadUInt64LittleEndian(b);
}
