using System.IO.Compression;
using System.Text;
using K4os.Compression.LZ4.Streams;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.Xz;

namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>
/// What captures are wrapped in when they are kept or sent: packed, in an archive, in a mail, in UTF-16. Every wrapping is told by its
/// first bytes.
/// </summary>
internal static class Wrapping
{
    /// <summary>Bytes of a file that tell its wrapping.</summary>
    public const int HeadSize = 512;

    private static readonly (string Name, byte[] Magic, Func<Stream, Stream> Open)[] s_packers =
    [
        ("zstd", [0x28, 0xb5, 0x2f, 0xfd], static packed => new ZstdSharp.DecompressionStream(packed)),
        ("gzip", [0x1f, 0x8b, 8], static packed => new GZipStream(packed, CompressionMode.Decompress)),
        ("xz", [0xfd, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0], static packed => new XZStream(packed)),
        ("bzip2", [(byte)'B', (byte)'Z', (byte)'h'], static packed => BZip2Stream.Create(packed, SharpCompress.Compressors.CompressionMode.Decompress, decompressConcatenated: true)),
        ("lz4", [0x04, 0x22, 0x4d, 0x18], static packed => LZ4Stream.Decode(packed)),
    ];

    private static readonly (string Name, byte[] Magic)[] s_refused =
    [
        ("a 7-Zip archive", [(byte)'7', (byte)'z', 0xbc, 0xaf, 0x27, 0x1c]),
        ("a RAR archive", [(byte)'R', (byte)'a', (byte)'r', (byte)'!', 0x1a, 7]),
        ("a gzip file of another method than deflate", [0x1f, 0x8b]),
        ("a file packed by compress (.Z)", [0x1f, 0x9d]),
        ("a file packed by lzip", [(byte)'L', (byte)'Z', (byte)'I', (byte)'P']),
        ("a file packed by lzop", [0x89, (byte)'L', (byte)'Z', (byte)'O']),
    ];

    /// <summary>The name of what the bytes are packed by; null if they are not, or not in a way that can be undone.</summary>
    public static string? Packer(ReadOnlySpan<byte> head)
    {
        foreach ((string name, byte[] magic, _) in s_packers)
        {
            if (head.StartsWith(magic))
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>Whether anything is to be taken off before the capture begins.</summary>
    public static bool IsWrapped(ReadOnlySpan<byte> head) => Packer(head) is not null || Archive.IsZip(head) || Archive.IsTar(head) || Utf16(head) is not null || Mail.Is(head) || JsonLines.Is(head) || LineEnds.AreReturns(head);

    /// <summary>What cannot be unwrapped, and what to do; null for anything else.</summary>
    public static string? Refused(ReadOnlySpan<byte> head)
    {
        foreach ((string name, byte[] magic) in s_refused)
        {
            if (head.StartsWith(magic))
            {
                return name;
            }
        }

        return null;
    }

    /// <summary>Takes off what the first bytes tell, and all that lies under it.</summary>
    public static CaptureFile TakeOff(CaptureFile file, ReadOnlySpan<byte> head, Unwrapper unwrapper) =>
        Packer(head) is { } packer ? Unpacked(file, packer, unwrapper)
        : Archive.IsZip(head) ? Archive.FromZip(file, unwrapper)
        : Archive.IsTar(head) ? Archive.FromTar(file, unwrapper)
        : Utf16(head) is { } encoding ? Transcoded(file, encoding, unwrapper)
        : LineEnds.AreReturns(head) ? Text(file, LineEnds.Feeds, unwrapper)
        : JsonLines.Is(head) ? Text(file, JsonLines.Texts, unwrapper)
        : Mail.Open(file, unwrapper);

    /// <summary>The first bytes of what a stream holds, under what it is packed by, as far as they tell the format; empty if it is not packed.</summary>
    public static byte[] UnpackedHead(Stream stream, ReadOnlySpan<byte> head)
    {
        stream.Position = 0;
        foreach ((_, byte[] magic, Func<Stream, Stream> open) in s_packers)
        {
            if (head.StartsWith(magic))
            {
                using Stream plain = open(stream);
                return CaptureFormats.Head(plain);
            }
        }

        return [];
    }

    /// <summary>By its mark, or by a NUL in every second byte of what begins.</summary>
    private static Encoding? Utf16(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xff, 0xfe]) || head.StartsWith((ReadOnlySpan<byte>)[0xfe, 0xff]))
        {
            return head[0] == 0xff ? Encoding.Unicode : Encoding.BigEndianUnicode;
        }

        const int enough = 32;
        if (head.Length < enough)
        {
            return null;
        }

        bool little = true, big = true;
        for (int i = 0; i + 1 < enough; i += 2)
        {
            little &= IsText(head[i]) && head[i + 1] == 0;
            big &= head[i] == 0 && IsText(head[i + 1]);
        }

        return little ? Encoding.Unicode : big ? Encoding.BigEndianUnicode : null;
    }

    private static bool IsText(byte b) => b is >= 0x20 and < 0x7f or (byte)'\t' or (byte)'\n' or (byte)'\r';

    private static CaptureFile Unpacked(CaptureFile file, string packer, Unwrapper unwrapper)
    {
        using Stream packed = new CaptureFileStream(file);
        try
        {
            using Stream plain = s_packers.First(p => p.Name == packer).Open(packed);
            return unwrapper.Open(plain, file.DisplayName, packer);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw file.Damaged(packed.Position, $"{packer} data that end or do not decompress", "expected a whole packed capture");
        }
    }

    private static CaptureFile Transcoded(CaptureFile file, Encoding encoding, Unwrapper unwrapper)
    {
        using Stream packed = new CaptureFileStream(file);
        using StreamReader reader = new(packed, encoding, detectEncodingFromByteOrderMarks: true);
        using Stream text = new TextStream(reader);
        return unwrapper.Open(text, file.DisplayName, "UTF-16");
    }

    private static CaptureFile Text(CaptureFile file, Func<Stream, Stream> lines, Unwrapper unwrapper)
    {
        using Stream packed = new CaptureFileStream(file);
        using Stream text = lines(packed);
        return unwrapper.Open(text, file.DisplayName, "");
    }

    /// <summary>What the unpackers throw where their data make no sense.</summary>
    public static bool IsDamage(Exception e) =>
        e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or IndexOutOfRangeException or OverflowException or NotSupportedException or InvalidOperationException
            or ZstdSharp.ZstdException or SharpCompress.Common.SharpCompressException
        || TraceDat.Compression.IsZlib(e);
}
