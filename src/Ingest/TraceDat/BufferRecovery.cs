using System.Buffers.Binary;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>
/// Finds the records of a v7 file that was cut before the options that say where they are. trace-cmd writes a buffer's section
/// right behind the options of the metadata, and each CPU's chunks from a page boundary on, so they can be followed.
/// </summary>
internal static class BufferRecovery
{
    private const int SectionHeaderSize = 16;

    /// <param name="offset">Where the section must begin: behind the last options that were read.</param>
    /// <returns>null if there is no compressed buffer section; uncompressed pages do not tell where a CPU's data end.</returns>
    public static BufferOption? Find(CaptureFile file, TraceDatHeader header, long offset, int cpus)
    {
        byte[] head = new byte[SectionHeaderSize];
        if (header.Compression == "none" || offset <= 0 || file.Length - offset < SectionHeaderSize)
        {
            return null;
        }

        file.ReadExactly(offset, head, "a section header");
        SpanCursor c = new(head, header.BigEndian);
        _ = c.TryU16(out ushort id);
        _ = c.TryU16(out ushort flags);
        if (id != 3 || (flags & 1) == 0)
        {
            return null;
        }

        List<CpuArea> areas = [];
        long at = Align(offset + SectionHeaderSize, header.PageSize);
        for (int cpu = 0; cpu < cpus && at < file.Length; cpu++)
        {
            long? end = EndOfChunks(file, header, at);

            // Of a cut area the size is not known; reading it ends with the file.
            areas.Add(new CpuArea(cpu, at, (end ?? long.MaxValue / 2) - at - 4));
            at = end is { } e ? Align(e, header.PageSize) : file.Length;
        }

        return areas.Count == 0 ? null : new BufferOption("", offset, "", header.PageSize, areas, false);
    }

    private static long? EndOfChunks(CaptureFile file, TraceDatHeader header, long at)
    {
        Span<byte> word = stackalloc byte[8];
        if (file.Read(at, word[..4]) < 4)
        {
            return null;
        }

        uint count = U32(word, header.BigEndian);
        at += 4;
        for (uint i = 0; i < count; i++)
        {
            if (at >= file.Length || file.Read(at, word) < 8)
            {
                return null;
            }

            at += 8 + U32(word, header.BigEndian);
        }

        return at <= file.Length ? at : null;
    }

    private static long Align(long offset, int page) => (offset + page - 1) / page * page;

    private static uint U32(ReadOnlySpan<byte> b, bool bigEndian) => bigEndian ? BinaryPrimitives.ReadUInt32BigEndian(b) : BinaryPrimitives.ReadUInt32LittleEndian(b);
}
