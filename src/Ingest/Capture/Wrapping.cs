using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using K4os.Compression.LZ4.Streams;
using MimeKit;
using SharpCompress.Compressors.BZip2;
using SharpCompress.Compressors.Xz;

namespace TraceReplay.Ingest.Capture;

/// <summary>
/// What captures are wrapped in when they are kept or sent: packed, in an archive, in a mail, in UTF-16. Every wrapping is told by its
/// first bytes.
/// </summary>
internal static class Wrapping
{
    /// <summary>Bytes of a file that tell its wrapping.</summary>
    public const int HeadSize = 512;

    private const int TarMagicOffset = 257;
    private const int MostMembers = 10_000;
    private const long LargestMail = 64 << 20;
    private const int MostNamed = 5;

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

    /// <summary>Header fields with which a mail or a mailbox begins.</summary>
    private static readonly string[] s_mailFields =
        ["Return-Path:", "Received:", "Delivered-To:", "MIME-Version:", "Message-ID:", "X-Mailer:", "DKIM-Signature:", "Authentication-Results:", "X-Received:", "List-Id:", "Envelope-To:", "X-Original-To:", "Content-Type:"];

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
    public static bool IsWrapped(ReadOnlySpan<byte> head) => Packer(head) is not null || IsZip(head) || IsTar(head) || Utf16(head) is not null || IsMail(head);

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

    /// <summary>Takes off one wrapping.</summary>
    /// <returns>The file itself if there is none; otherwise it is closed.</returns>
    public static CaptureFile TakeOff(CaptureFile file, CancellationToken cancellation)
    {
        byte[] bytes = new byte[HeadSize];
        ReadOnlySpan<byte> head = bytes.AsSpan(0, file.Read(0, bytes));
        if (!IsWrapped(head))
        {
            return file;
        }

        using (file)
        {
            return Packer(head) is { } packer ? Unpacked(file, packer, cancellation)
                : IsZip(head) ? FromZip(file, cancellation)
                : IsTar(head) ? FromTar(file, cancellation)
                : Utf16(head) is { } encoding ? Transcoded(file, encoding, cancellation)
                : FromMail(file, cancellation);
        }
    }

    /// <summary>The first bytes of what a stream holds, under what it is packed by; empty if it is not packed, or damaged.</summary>
    public static byte[] UnpackedHead(Stream stream, ReadOnlySpan<byte> head, int size)
    {
        stream.Position = 0;
        foreach ((_, byte[] magic, Func<Stream, Stream> open) in s_packers)
        {
            if (head.StartsWith(magic))
            {
                using Stream plain = open(stream);
                byte[] bytes = new byte[size];
                return bytes[..plain.ReadAtLeast(bytes, size, throwOnEndOfStream: false)];
            }
        }

        return [];
    }

    private static bool IsZip(ReadOnlySpan<byte> head) => head.StartsWith("PK\x03\x04"u8);

    private static bool IsTar(ReadOnlySpan<byte> head) => head.Length > TarMagicOffset + 5 && head[TarMagicOffset..].StartsWith("ustar"u8);

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

    private static bool IsMail(ReadOnlySpan<byte> head)
    {
        // "From " begins a mailbox; the line after it is a field.
        int start = head.StartsWith("From "u8) ? head.IndexOf((byte)'\n') + 1 : 0;
        int fields = 0;
        bool known = false;
        foreach (Range range in head[start..].Split((byte)'\n'))
        {
            ReadOnlySpan<byte> line = head[start..][range].TrimEnd((byte)'\r');
            if (line.IsEmpty)
            {
                break;
            }

            int colon = line.IndexOf((byte)':');
            if (fields > 0 && line[0] is (byte)' ' or (byte)'\t')
            {
                continue;
            }

            if (colon < 1 || line[..colon].IndexOfAnyExceptInRange((byte)'!', (byte)'~') >= 0)
            {
                break;
            }

            fields++;
            string field = Encoding.ASCII.GetString(line[..(colon + 1)]);
            known |= s_mailFields.Contains(field, StringComparer.OrdinalIgnoreCase);
        }

        return known && fields > 1;
    }

    private static CaptureFile Unpacked(CaptureFile file, string packer, CancellationToken cancellation)
    {
        using Stream packed = new CaptureFileStream(file);
        try
        {
            using Stream plain = s_packers.First(p => p.Name == packer).Open(packed);
            return CaptureFormats.Spool(plain, file.DisplayName, cancellation);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw file.Damaged(packed.Position, $"{packer} data that end or do not decompress", "expected a whole packed capture");
        }
    }

    /// <summary>What the unpackers throw where their data make no sense.</summary>
    public static bool IsDamage(Exception e) =>
        e is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or IndexOutOfRangeException or OverflowException or NotSupportedException or InvalidOperationException
            or ZstdSharp.ZstdException or SharpCompress.Common.SharpCompressException;

    private static CaptureFile FromZip(CaptureFile file, CancellationToken cancellation)
    {
        try
        {
            using SeekableCaptureStream stream = new(file);
            using ZipArchive zip = new(stream, ZipArchiveMode.Read);
            return OnlyCapture(file, "zip", zip.Entries.Where(e => e.Length > 0).Select(e => (e.FullName, (Func<Stream>)e.Open)), cancellation);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw file.Damaged(0, "a zip archive that ends or does not unpack", "expected a whole archive");
        }
    }

    private static CaptureFile FromTar(CaptureFile file, CancellationToken cancellation)
    {
        try
        {
            using Stream stream = new CaptureFileStream(file);
            using TarReader tar = new(stream);
            return OnlyCapture(file, "tar", Members(tar), cancellation);
        }
        catch (Exception e) when (IsDamage(e))
        {
            throw file.Damaged(0, "a tar archive that ends or does not unpack", "expected a whole archive");
        }
    }

    private static IEnumerable<(string, Func<Stream>)> Members(TarReader tar)
    {
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry is { EntryType: TarEntryType.RegularFile or TarEntryType.V7RegularFile, DataStream: { } data, Length: > 0 })
            {
                yield return (entry.Name, () => data);
            }
        }
    }

    /// <summary>The one member that is a capture: of several it is not known which is meant.</summary>
    private static CaptureFile OnlyCapture(CaptureFile file, string kind, IEnumerable<(string Name, Func<Stream> Open)> members, CancellationToken cancellation)
    {
        CaptureFile? found = null;
        List<string> names = [];
        try
        {
            foreach ((string name, Func<Stream> open) in members.Take(MostMembers))
            {
                CaptureFile member;
                using (Stream data = open())
                {
                    member = CaptureFormats.Spool(data, file.DisplayName, cancellation);
                }

                member = CaptureFormats.Unwrapped(member, cancellation);
                if (!CaptureRecognition.IsKnown(member))
                {
                    member.Dispose();
                    continue;
                }

                names.Add(name);
                if (found is not null)
                {
                    member.Dispose();
                    continue;
                }

                found = member;
            }

            if (names.Count != 1)
            {
                string which = names.Count == 0 ? "without a capture" : $"with {names.Count} captures ({string.Join(", ", names.Take(MostNamed))}{(names.Count > MostNamed ? ", ..." : "")})";
                throw file.Damaged(0, $"a {kind} archive {which}", names.Count == 0 ? "expected a member that is one" : "expected one: unpack it and name the files");
            }

            return found!;
        }
        catch
        {
            found?.Dispose();
            throw;
        }
    }

    private static CaptureFile Transcoded(CaptureFile file, Encoding encoding, CancellationToken cancellation)
    {
        using Stream packed = new CaptureFileStream(file);
        using StreamReader reader = new(packed, encoding, detectEncodingFromByteOrderMarks: true);
        return CaptureFormats.Spool(new TextStream(reader), file.DisplayName, cancellation);
    }

    /// <summary>The plain texts of a mail or of a mailbox, decoded, one behind the other; or the one attachment that is a capture.</summary>
    private static CaptureFile FromMail(CaptureFile file, CancellationToken cancellation)
    {
        if (file.Length > LargestMail)
        {
            throw file.Damaged(0, $"a mailbox of more than {LargestMail >> 20} MiB", "expected a mail: save the one that has the trace");
        }

        using MemoryStream text = new();
        List<(string, Func<Stream>)> attachments = [];
        try
        {
            using SeekableCaptureStream stream = new(file);
            byte[] start = new byte[5];
            bool mailbox = file.Read(0, start) == start.Length && start.AsSpan().SequenceEqual("From "u8);
            MimeParser parser = new(stream, mailbox ? MimeFormat.Mbox : MimeFormat.Entity);
            while (!parser.IsEndOfStream)
            {
                MimeMessage message = parser.ParseMessage(cancellation);
                foreach (MimePart part in message.BodyParts.OfType<MimePart>())
                {
                    if (part is TextPart { IsPlain: true } plain)
                    {
                        byte[] bytes = Encoding.UTF8.GetBytes(plain.Text ?? "");
                        text.Write(bytes);
                        text.Write("\n\n"u8);
                    }
                    else if (part is not TextPart && part.Content is { } content)
                    {
                        attachments.Add((part.FileName ?? "attachment", () => content.Open()));
                    }
                }
            }
        }
        catch (Exception e) when (IsDamage(e) || e is ParseException)
        {
            throw file.Damaged(0, "a mail that cannot be parsed", "expected header fields, an empty line and a text");
        }

        text.Position = 0;
        CaptureFile body = CaptureFormats.Spool(text, file.DisplayName, cancellation);
        if (attachments.Count == 0 || CaptureRecognition.IsKnown(body))
        {
            return body;
        }

        body.Dispose();
        return OnlyCapture(file, "mail, seen as an", attachments, cancellation);
    }
}
