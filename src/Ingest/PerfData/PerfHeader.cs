using System.Buffers.Binary;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.PerfData;

/// <summary>A piece of a file.</summary>
internal readonly record struct FileRange(long Offset, long Size)
{
    public long End => Offset + Size;
}

/// <summary>The header of a perf.data file (spec/trace-formats section 4).</summary>
/// <param name="Pipe">Written to a pipe: records follow the first 16 bytes, and describe all.</param>
/// <param name="Version">1 for the old magic PERFFILE, else 2.</param>
/// <param name="AttrStride">Bytes from one attribute to the next; an attribute and the range of its ids.</param>
/// <param name="Data">The records; of size 0 where the recorder was killed.</param>
/// <param name="EventTypes">Names of events, only in old files.</param>
/// <param name="Features">Numbers of the feature sections, in the order of their table behind the data.</param>
internal sealed record PerfHeader(bool Pipe, int Version, bool BigEndian, int AttrStride, FileRange Attrs, FileRange Data, FileRange EventTypes, IReadOnlyList<int> Features)
{
    public const int PipeHeaderSize = 16;

    private const int SizeWithoutFeatures = 72;
    private const int SizeWithFeatures = 104;
    private const int FeatureHostname = 3;
    private const int FeatureWords = 4;

    public static bool IsMagic(ReadOnlySpan<byte> head) => head.StartsWith("PERFILE2"u8) || head.StartsWith("2ELIFREP"u8) || head.StartsWith("PERFFILE"u8);

    public static PerfHeader Read(CaptureFile file)
    {
        Span<byte> head = stackalloc byte[SizeWithFeatures];
        head = head[..file.Read(0, head)];
        if (!IsMagic(head))
        {
            throw file.Damaged(0, "other bytes", "expected the perf.data magic PERFILE2 or PERFFILE");
        }

        if (head.Length < PipeHeaderSize)
        {
            throw file.Damaged(8, $"the file ends at 0x{file.Length:x}", "expected the size of the header");
        }

        // The old magic is text and does not tell the byte order; the header's size is a small number in one of the two.
        bool old = head.StartsWith("PERFFILE"u8);
        bool bigEndian = old ? BinaryPrimitives.ReadUInt64LittleEndian(head[8..]) > uint.MaxValue : head.StartsWith("2ELIFREP"u8);
        ulong size = U64(head[8..], bigEndian);
        int version = old ? 1 : 2;
        if (size == PipeHeaderSize)
        {
            return new PerfHeader(true, version, bigEndian, 0, default, new FileRange(PipeHeaderSize, file.Length - PipeHeaderSize), default, []);
        }

        if (size is < SizeWithoutFeatures or > 1 << 20)
        {
            throw file.Damaged(8, $"a header of {size} bytes", $"expected {PipeHeaderSize}, or {SizeWithoutFeatures} and more");
        }

        int needed = size >= SizeWithFeatures ? SizeWithFeatures : SizeWithoutFeatures;
        if (head.Length < needed)
        {
            throw file.Damaged(head.Length, $"the file ends at 0x{file.Length:x}", $"expected a header of {size} bytes");
        }

        ulong stride = U64(head[16..], bigEndian);
        if (stride is < PerfAttr.SmallestSize + 16 or > 4096 || stride % 8 != 0)
        {
            throw file.Damaged(16, $"attributes of {stride} bytes", $"expected {PerfAttr.SmallestSize + 16} or more");
        }

        FileRange attrs = Range(head[24..], bigEndian);
        FileRange data = Range(head[40..], bigEndian);
        if (attrs.Offset < 0 || attrs.Size < 0 || attrs.Offset > file.Length || attrs.Size > file.Length - attrs.Offset)
        {
            throw file.Damaged(24, $"{attrs.Size} bytes of attributes at 0x{attrs.Offset:x}", $"expected them within the file of {file.Length} bytes");
        }

        if (data.Offset < 0 || data.Size < 0 || data.Offset > long.MaxValue - data.Size)
        {
            throw file.Damaged(40, $"{data.Size} bytes of records at 0x{data.Offset:x}", "expected a range of the file");
        }

        IReadOnlyList<int> features = needed == SizeWithFeatures ? FeatureBits(head[SizeWithoutFeatures..], bigEndian) : [];
        return new PerfHeader(false, version, bigEndian, (int)stride, attrs, data, Range(head[56..], bigEndian), features);
    }

    private static List<int> FeatureBits(ReadOnlySpan<byte> bitmap, bool bigEndian)
    {
        List<int> bits = [];
        Span<ulong> words = stackalloc ulong[FeatureWords];
        for (int i = 0; i < FeatureWords; i++)
        {
            words[i] = U64(bitmap[(i * 8)..], bigEndian);
        }

        // The bitmap is an array of the kernel's long: a big-endian 32-bit machine has the halves the other way round. Every
        // recorder since 2010 names its host, so that bit tells.
        bool swapHalves = bigEndian && (words[0] & (1UL << FeatureHostname)) == 0;
        for (int bit = 0; bit < 64 * FeatureWords; bit++)
        {
            ulong word = swapHalves ? (words[bit / 64] << 32) | (words[bit / 64] >> 32) : words[bit / 64];
            if (((word >> (bit % 64)) & 1) != 0)
            {
                bits.Add(bit);
            }
        }

        return bits;
    }

    private static FileRange Range(ReadOnlySpan<byte> at, bool bigEndian) => new((long)U64(at, bigEndian), (long)U64(at[8..], bigEndian));

    private static ulong U64(ReadOnlySpan<byte> at, bool bigEndian) => bigEndian ? BinaryPrimitives.ReadUInt64BigEndian(at) : BinaryPrimitives.ReadUInt64LittleEndian(at);
}
