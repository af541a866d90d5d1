using System.Buffers.Binary;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Delivers one CPU's pages in file order, a batch at a time.</summary>
internal abstract class PageSource(CaptureFile file, long pageSize) : IDisposable
{
    protected CaptureFile File { get; } = file;

    /// <summary>Bytes of a page (sub-buffer).</summary>
    public int PageSize { get; } = (int)pageSize;

    /// <summary>Set when the source ended early.</summary>
    public CaptureDamage? Damage { get; protected set; }

    /// <summary>File offset of the batch read last: of its first page, or of the compressed chunk that holds it.</summary>
    public long BatchOffset { get; protected set; }

    /// <summary>Whether positions within a batch are also positions in the file.</summary>
    public abstract bool OffsetsAreExact { get; }

    /// <summary>Reads about <paramref name="target"/> bytes of whole pages; grows the buffer if one chunk needs it.</summary>
    /// <returns>Bytes read; 0 = no more.</returns>
    public abstract int Read(ref byte[] buffer, int target);

    public virtual void Dispose()
    {
    }

    protected void Ended(long offset, string found, string expected) => Damage ??= new CaptureDamage(File.DisplayName, offset, found, expected);
}

/// <summary>v6, and v7 without compression: pages one after another.</summary>
internal sealed class PlainPageSource(CaptureFile file, CpuArea area, int pageSize) : PageSource(file, pageSize)
{
    private readonly long _end = area.Offset + area.Size;
    private long _next = area.Offset;

    public override bool OffsetsAreExact => true;

    public override int Read(ref byte[] buffer, int target)
    {
        if (_next >= _end || Damage is not null)
        {
            return 0;
        }

        int want = (int)Math.Min(Math.Max(1, target / PageSize) * (long)PageSize, _end - _next);
        if (buffer.Length < want)
        {
            buffer = new byte[want];
        }

        int n = _next < 0 ? 0 : File.Read(_next, buffer.AsSpan(0, want));
        BatchOffset = _next;
        if (n < want)
        {
            Ended(Math.Min(_next + n, File.Length), $"the file ends at 0x{File.Length:x}", $"expected the data of CPU {area.Cpu} up to 0x{_end:x}");
        }

        _next += n;
        return n;
    }
}

/// <summary>v7 with compression: a count of chunks, then each with its sizes (spec/trace-formats 1.2).</summary>
internal sealed class ChunkedPageSource(CaptureFile file, CpuArea area, int pageSize, Compression compression) : PageSource(file, pageSize)
{
    // The recorded size does not count the four bytes of the number of chunks.
    private readonly long _end = area.Offset + area.Size + 4;
    private long _next = area.Offset;
    private long _chunks = -1;
    private byte[] _compressed = [];
    private int _have;
    private long _haveOffset;

    public bool BigEndian { get; init; }

    /// <summary>Bytes of a chunk that are believed; packed ones never need more than a little above that.</summary>
    public required uint LargestChunk { get; init; }

    public override bool OffsetsAreExact => false;

    public override int Read(ref byte[] buffer, int target)
    {
        if (Damage is not null || area.Size == 0)
        {
            return 0;
        }

        if (_chunks < 0)
        {
            ReadOnlySpan<byte> count = Take(4, 4, "the number of chunks");
            if (count.IsEmpty)
            {
                return 0;
            }

            _chunks = U32(count);
        }

        int total = 0;
        while (_chunks > 0 && total < target)
        {
            long at = _next;
            ReadOnlySpan<byte> sizes = Take(8, target, "the sizes of a chunk");
            if (sizes.IsEmpty)
            {
                break;
            }

            uint compressed = U32(sizes);
            uint size = U32(sizes[4..]);
            if (size > LargestChunk || compressed > LargestChunk + (LargestChunk / 8) + 1024 || size % (uint)PageSize != 0)
            {
                Ended(at, $"a chunk of {compressed} bytes for {size}", $"expected whole pages of {PageSize} bytes, {LargestChunk} at most");
                break;
            }

            if (total > 0 && total + size > buffer.Length)
            {
                _next = at;
                break;
            }

            ReadOnlySpan<byte> data = Take((int)compressed, target, "a chunk");
            if (data.Length < compressed)
            {
                break;
            }

            if (buffer.Length < size)
            {
                buffer = new byte[Math.Max((int)size, target)];
            }

            int from = (int)(_next - compressed - _haveOffset);
            if (!compression.TryDecompress(_compressed, from, (int)compressed, buffer.AsSpan(total, (int)size)))
            {
                Ended(at + 8, $"{compressed} bytes that do not decompress", $"expected a chunk of {size} bytes");
                break;
            }

            BatchOffset = total == 0 ? at : BatchOffset;
            total += (int)size;
            _chunks--;
        }

        return total;
    }

    public override void Dispose()
    {
        compression.Dispose();
        base.Dispose();
    }

    /// <summary>The next bytes of this CPU's area, read ahead in larger pieces; empty (and damage) if they are not there.</summary>
    private ReadOnlySpan<byte> Take(int count, int readAhead, string what)
    {
        if (count > _end - _next || _next < 0)
        {
            Ended(_next, $"{Math.Max(0, _end - _next)} bytes left of the data of CPU {area.Cpu}", $"expected {count} bytes of {what}");
            return [];
        }

        if (_next < _haveOffset || _next + count > _haveOffset + _have)
        {
            int want = (int)Math.Min(Math.Max(count, readAhead), _end - _next);
            want = (int)Math.Min(want, Math.Max(0, File.Length - _next));
            if (_compressed.Length < want)
            {
                _compressed = new byte[want];
            }

            _have = File.Read(_next, _compressed.AsSpan(0, want));
            _haveOffset = _next;
            if (_have < count)
            {
                Ended(Math.Min(_next, File.Length), $"the file ends at 0x{File.Length:x}", $"expected {count} bytes of {what} of CPU {area.Cpu}");
                return [];
            }
        }

        ReadOnlySpan<byte> bytes = _compressed.AsSpan((int)(_next - _haveOffset), count);
        _next += count;
        return bytes;
    }

    private uint U32(ReadOnlySpan<byte> b) => BigEndian ? BinaryPrimitives.ReadUInt32BigEndian(b) : BinaryPrimitives.ReadUInt32LittleEndian(b);
}
