using System.Globalization;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>The first bytes of a trace.dat (spec/trace-formats section 1).</summary>
/// <param name="UserLongSize">Long of the recording program; the kernel's is in header_page.</param>
/// <param name="PageSize">Of the traced machine, bytes.</param>
/// <param name="Compression">v7: <c>none</c>, <c>zlib</c> or <c>zstd</c>.</param>
/// <param name="Next">Offset of what follows.</param>
internal sealed record TraceDatHeader(int Version, bool BigEndian, int UserLongSize, int PageSize, string Compression, long Next)
{
    public static ReadOnlySpan<byte> Magic => "\x17\x08\x44tracing"u8;

    // Long enough for any version text and compression name that trace-cmd writes.
    private const int MaxHeader = 256;

    public static TraceDatHeader Read(CaptureFile file)
    {
        byte[] buffer = new byte[Math.Min(MaxHeader, file.Length)];
        file.ReadExactly(0, buffer, "a trace.dat header");
        SpanCursor c = new(buffer, false);
        if (!c.TryBytes(Magic.Length, out ReadOnlySpan<byte> magic) || !magic.SequenceEqual(Magic))
        {
            throw file.Damaged(0, "other bytes", "expected the trace.dat magic 17 08 44 \"tracing\"");
        }

        if (!c.TryString(out string text) || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int version))
        {
            throw file.Damaged(Magic.Length, "no version number", "expected \"6\" or \"7\"");
        }

        if (version is not (6 or 7))
        {
            throw file.Damaged(Magic.Length, $"trace.dat version {version}", "expected version 6 or 7");
        }

        int at = c.Position;
        if (!c.TryBytes(2, out ReadOnlySpan<byte> two) || two[0] > 1 || two[1] is not (4 or 8))
        {
            throw file.Damaged(at, "no machine description", "expected byte order 0 or 1 and a long of 4 or 8 bytes");
        }

        bool bigEndian = two[0] == 1;
        byte longSize = two[1];
        SpanCursor rest = new(buffer.AsSpan(c.Position), bigEndian);
        int start = c.Position;
        if (!rest.TryU32(out uint pageSize) || pageSize is < 256 or > 16 << 20)
        {
            throw file.Damaged(start, $"a page size of {pageSize}", "expected 256 to 16 Mi bytes");
        }

        string compression = "none";
        if (version == 7 && (!rest.TryString(out compression) || !rest.TryString(out _)))
        {
            throw file.Damaged(start + 4, "no compression name", "expected two NUL-terminated texts");
        }

        return new TraceDatHeader(version, bigEndian, longSize, (int)pageSize, compression, start + rest.Position);
    }
}
