using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using K4os.Compression.LZ4.Streams;
using SharpCompress.Compressors.BZip2;
using TraceReplay.Ingest.Capture;
using TraceReplay.Ingest.Tests.FtraceText;
using Xunit;

namespace TraceReplay.Ingest.Tests.Capture;

/// <summary>A capture is the same in whatever it is sent: packed, in an archive, in a mail, in UTF-16.</summary>
public sealed class WrappingTests : IDisposable
{
    private const string Events =
        """
               CPU 0/KVM-2301    [003] d..1.  4711.118867: kvm_exit: vcpu 0 reason EPT_VIOLATION rip 0x110c8c info1 0x0000000000000184 info2 0x0000000000000000 intr_info 0x00000000 error_code 0x00000000
               CPU 0/KVM-2301    [003] .....  4711.118869: kvm_page_fault: vcpu 0 rip 0x110c8c address 0x0000000113674000 error_code 0x184
               CPU 0/KVM-2301    [003] d..1.  4711.118900: kvm_entry: vcpu 0, rip 0x110c8c

        """;

    public const string Text = "# tracer: nop\n" + Events;

    private const string MailHead =
        """
        Return-Path: <reporter@example.org>
        From: A Reporter <reporter@example.org>
        To: kvm@vger.kernel.org
        Subject: Re: vCPU hangs in EPT violations
        MIME-Version: 1.0

        """;

    private static readonly byte[] s_text = Encoding.UTF8.GetBytes(Text);

    private readonly string _directory = Directory.CreateTempSubdirectory("tracereplay-wrapping").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    public static TheoryData<string> Wrappings => [.. s_wrappings.Keys];

    private static readonly Dictionary<string, Func<byte[], byte[]>> s_wrappings = new()
    {
        ["gzip"] = text => Through(text, s => new GZipStream(s, CompressionLevel.Optimal)),
        ["gzip, two members"] = text => [.. Through(text[..100], s => new GZipStream(s, CompressionLevel.Optimal)), .. Through(text[100..], s => new GZipStream(s, CompressionLevel.Optimal))],
        ["zstd"] = text => Through(text, s => new ZstdSharp.CompressionStream(s)),
        ["bzip2"] = text => Through(text, s => BZip2Stream.Create(s, SharpCompress.Compressors.CompressionMode.Compress, decompressConcatenated: false)),
        ["xz"] = _ => Packed.XzText,
        ["lz4"] = text => Through(text, s => LZ4Stream.Encode(s)),
        ["zip"] = text => Zip(("trace.txt", text)),
        ["zip, stored, among others"] = text => Zip(CompressionLevel.NoCompression, ("logs/README", "what I did\n"u8.ToArray()), ("logs/trace.txt", text), ("logs/empty", [])),
        ["tar, pax"] = text => Tar(TarEntryFormat.Pax, ("trace.txt", text)),
        ["tar, gnu"] = text => Tar(TarEntryFormat.Gnu, ("dmesg", "[    0.000000] Linux version 6.12.0\n"u8.ToArray()), ("trace.txt", text)),
        ["tar, ustar"] = text => Tar(TarEntryFormat.Ustar, ("trace.txt", text)),
        ["tar.gz in a zip"] = text => Zip(("all.tar.gz", Through(Tar(TarEntryFormat.Pax, ("t", text)), s => new GZipStream(s, CompressionLevel.Optimal)))),
        ["UTF-16 LE with its mark"] = text => [0xff, 0xfe, .. Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(text))],
        ["UTF-16 BE with its mark"] = text => [0xfe, 0xff, .. Encoding.BigEndianUnicode.GetBytes(Encoding.UTF8.GetString(text))],
        ["UTF-16 LE"] = text => Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(text)),
        ["UTF-16 BE"] = text => Encoding.BigEndianUnicode.GetBytes(Encoding.UTF8.GetString(text)),
        ["UTF-16 LE, CRLF, gzip"] = text => Through([0xff, 0xfe, .. Encoding.Unicode.GetBytes(Encoding.UTF8.GetString(text).ReplaceLineEndings("\r\n"))], s => new GZipStream(s, CompressionLevel.Optimal)),
        ["UTF-8 with its mark"] = text => [0xef, 0xbb, 0xbf, .. text],
        ["lines that end with a carriage return"] = text => Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(text).Replace('\n', '\r')),
        ["a container's log"] = text => Encoding.UTF8.GetBytes(string.Concat(Encoding.UTF8.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"{{\"log\":{System.Text.Json.JsonSerializer.Serialize(line + "\n")},\"stream\":\"stdout\",\"time\":\"2026-11-29T16:06:01.123456789Z\"}}\n"))),
        ["the journal as JSON"] = text => Encoding.UTF8.GetBytes(string.Concat(Encoding.UTF8.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"{{\"_HOSTNAME\":\"host1\",\"MESSAGE\":[{string.Join(',', Encoding.UTF8.GetBytes(line))}],\"PRIORITY\":\"6\"}}\n"))),
        ["a tracker's comment as JSON"] = text => Encoding.UTF8.GetBytes($"{{\"id\":7,\"body\":{System.Text.Json.JsonSerializer.Serialize("It hangs:\r\n```\r\n" + Encoding.UTF8.GetString(text).ReplaceLineEndings("\r\n") + "```\r\n")}}}"),
        ["mail, 8 bit"] = text => Mail("Content-Type: text/plain; charset=utf-8\n\nIt hangs here:\n\n", text),
        ["mail, base64"] = text => Mail("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n", Base64(text)),
        ["mail, quoted-printable"] = text => Mail("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n", Encoding.ASCII.GetBytes(QuotedPrintable(Encoding.UTF8.GetString(text)))),
        ["mail, attached, base64"] = text => Multipart("text/plain", "See the attachment.\n", "application/octet-stream; name=trace.txt", Base64(text)),
        ["mail, attached, gzip"] = text => Multipart("text/plain", "See the attachment.\n", "application/gzip; name=trace.txt.gz", Base64(Through(text, s => new GZipStream(s, CompressionLevel.Optimal)))),
        ["mail, attached text"] = text => Multipart("text/plain", "See the attachment.\n", "text/plain; name=trace.txt", Base64(text)),
        ["mail, attached log"] = text => Multipart("text/plain", "See the attachment.\n", "text/x-log; name=trace.log", Base64(text)),
        ["mail, a page"] = text => Mail("Content-Type: text/html; charset=utf-8\n\n", Encoding.UTF8.GetBytes($"<html><head><style>p {{ color: red }}</style></head><body><p>It hangs\nhere:</p><pre>{Escaped(text)}</pre></body></html>")),
        ["mail, a page of lines"] = text => Mail("Content-Type: text/html; charset=utf-8\n\n", Encoding.UTF8.GetBytes("<div>" + Escaped(text).Replace("\n", "</div>\n<div>", StringComparison.Ordinal).Replace("  ", "&nbsp; ", StringComparison.Ordinal) + "</div>")),
        ["mail, plain text and the same as a page"] = text => Mail("Content-Type: multipart/alternative; boundary=ZZ\n\n--ZZ\nContent-Type: text/plain\n\n", [.. text, .. "\n--ZZ\nContent-Type: text/html\n\n<pre>"u8, .. Encoding.UTF8.GetBytes(Escaped(text)), .. "</pre>\n--ZZ--\n"u8]),
        ["mail, forwarded"] = text => Mail("Content-Type: multipart/mixed; boundary=ZZ\n\n--ZZ\nContent-Type: text/plain\n\nThis came in.\n--ZZ\nContent-Type: message/rfc822\n\n", [.. Mail("Content-Type: text/plain\n\n", text), .. "\n--ZZ--\n"u8]),
        ["mailbox"] = text => [.. "From reporter@example.org Mon Nov 30 10:00:00 2026\n"u8, .. Mail("Content-Type: text/plain\n\nfirst mail\n\n", []), .. "From other@example.org Mon Nov 30 11:00:00 2026\n"u8, .. Mail("Content-Type: text/plain\n\n", text)],
    };

    [Theory]
    [MemberData(nameof(Wrappings))]
    public void A_wrapped_text_has_the_rows_of_the_plain_one(string wrapping)
    {
        List<string> plain = Rows(s_text);
        Assert.Equal(3, plain.Count);
        Assert.Equal(plain, Rows(s_wrappings[wrapping](s_text)));
        Assert.Null(CaptureRecognition.Judge(Write(s_wrappings[wrapping](s_text))));
    }

    public static TheoryData<string, string> Cut => new()
    {
        { "gzip", "gzip data that end or do not decompress" },
        { "zstd", "zstd data that end or do not decompress" },
        { "bzip2", "bzip2 data that end or do not decompress" },
        { "xz", "xz data that end or do not decompress" },
        { "lz4", "lz4 data that end or do not decompress" },
        { "zip", "a zip archive that ends or does not unpack" },
    };

    [Theory]
    [MemberData(nameof(Cut))]
    public void A_cut_one_is_refused_by_name(string wrapping, string expected)
    {
        byte[] whole = s_wrappings[wrapping](s_text);
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(whole[..(whole.Length * 2 / 3)]));
        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_packed_and_no_capture_is_told_before_it_is_unpacked()
    {
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(Through(Encoding.UTF8.GetBytes("Dear all,\nnothing here.\n"), s => new GZipStream(s, CompressionLevel.Optimal))));
        Assert.Contains("an unknown format, packed by gzip", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_several_captures_in_an_archive_none_is_taken()
    {
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(Zip(("a.txt", s_text), ("b/\u202e\x1b[31mb.txt", s_text))));
        Assert.EndsWith(@"a zip archive with 2 captures (a.txt, b/\u202e\x1b[31mb.txt), expected one: unpack it and name the files", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_member_that_cannot_be_read_is_told_beside_the_one_that_can()
    {
        byte[] gzip = s_wrappings["gzip"](s_text);
        using ICapture capture = CaptureFormats.Open(Write(Zip(("a.txt", s_text), ("b.gz", gzip[..40]))));
        Assert.Equal("1 other members of the archive cannot be read, the first: b.gz: gzip data that end or do not decompress", Assert.Single(capture.Info.Notes));
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(Zip(("readme", "words\n"u8.ToArray()), ("b.gz", gzip[..40]))));
        Assert.Contains("a zip archive without a capture (b.gz: gzip data that end or do not decompress)", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_attachment_beside_a_trace_in_the_text_is_told()
    {
        using ICapture capture = CaptureFormats.Open(Write(Multipart("text/plain", Text, "application/gzip; name=full.gz", Base64(s_wrappings["gzip"](s_text)))));
        Assert.Equal("the text of the mail was read, its attachments were not: full.gz", Assert.Single(capture.Info.Notes));
    }

    public static TheoryData<string> Bombs => [.. s_bombs.Keys];

    private static readonly Dictionary<string, Func<byte[]>> s_bombs = new()
    {
        ["gzip"] = () => Through(s => new GZipStream(s, CompressionLevel.Optimal)),
        ["zstd"] = () => Through(s => new ZstdSharp.CompressionStream(s)),
        ["lz4"] = () => Through(Through(s => LZ4Stream.Encode(s)), s => new GZipStream(s, CompressionLevel.Optimal)),
        ["xz"] = () => Packed.XzBomb,
        ["bzip2"] = () => Packed.Bzip2Bomb,
        ["zip"] = () => Zip(("bomb.txt.gz", Through(s => new GZipStream(s, CompressionLevel.Optimal)))),
    };

    /// <summary>A trace's header and 1 GiB of line feeds.</summary>
    [Theory]
    [MemberData(nameof(Bombs))]
    public void Little_that_unpacks_to_much_is_refused_by_its_ratio(string packer)
    {
        byte[] bomb = s_bombs[packer]();
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(bomb));
        Assert.Contains($"{bomb.Length} bytes that unpack to more than 300 times as many and 64 MiB", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Zeros_are_looked_at_and_not_unpacked()
    {
        byte[] packed = Through(s => new GZipStream(s, CompressionLevel.Optimal), "", 0);
        long before = GC.GetAllocatedBytesForCurrentThread();
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(packed));
        Assert.Contains("an unknown format, packed by gzip", refused.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4 << 20);
    }

    [Fact]
    public void An_archive_in_an_archive_without_end_is_refused()
    {
        byte[] nested = Zip(("trace.txt", s_text));
        for (int i = 1; i < 4; i++)
        {
            nested = Zip(("more.zip", nested));
        }

        Assert.Equal(Rows(s_text), Rows(nested));
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(Zip(("more.zip", nested))));
        Assert.Contains("wrapped more than 4 times, or an archive within itself", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Members_are_counted_through_all_levels()
    {
        byte[] level = Zip([.. Enumerable.Range(0, 40).Select(i => ($"{i}.txt", "words\n"u8.ToArray()))]);
        for (int i = 1; i < 4; i++)
        {
            level = Zip([.. Enumerable.Range(0, 40).Select(n => ($"{n}.zip", level))]);
        }

        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(level));
        Assert.Contains("archives or mails with more than 10000 members", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_archive_of_many_members_is_refused(bool zip)
    {
        (string, byte[])[] members = [.. Enumerable.Range(0, 10_001).Select(i => ($"{i}.txt", "words\n"u8.ToArray()))];
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(zip ? Zip(members) : Tar(TarEntryFormat.Ustar, members)));
        Assert.Contains("archives or mails with more than 10000 members", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_directory_of_a_zip_that_is_larger_than_any_is_refused_before_it_is_read()
    {
        byte[] zip = Zip(("trace.txt", s_text));
        int end = zip.AsSpan().LastIndexOf("PK\x05\x06"u8);
        byte[] padded = [.. zip[..end], .. new byte[11 << 20], .. zip[end..]];
        CaptureException refused = Assert.Throws<CaptureException>(() => Rows(padded));
        Assert.Contains("more than 10000 members", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Temporary_copies_have_no_name()
    {
        string[] before = Directory.GetFiles(Path.GetTempPath(), "tracereplay-*");
        using ICapture capture = CaptureFormats.Open(Write(s_wrappings["tar.gz in a zip"](s_text)));
        Assert.DoesNotContain(Directory.GetFiles(Path.GetTempPath(), "tracereplay-*").Except(before), f => Length(f) == s_text.Length);
    }

    private static long Length(string path)
    {
        try
        {
            return new FileInfo(path).Length;
        }
        catch (FileNotFoundException)
        {
            return 0; // another test's
        }
    }

    private string Write(byte[] bytes)
    {
        string path = Path.Combine(_directory, Path.GetRandomFileName());
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private List<string> Rows(byte[] bytes)
    {
        using ICapture capture = CaptureFormats.Open(Write(bytes), cancellation: TestContext.Current.CancellationToken);
        Texts read = new() { Info = capture.Info };
        Assert.Null(capture.ReadEvents(read, new ReadOptions(), TestContext.Current.CancellationToken));
        return [.. read.Rows.Select(row => $"{row.Timestamp} {row.Comm}-{row.Pid} {row.Cpu} {row.Format.FullName} {Texts.Fields(row, row.Format.Fields.Select(f => f.Name))}")];
    }

    private static byte[] Through(byte[] bytes, Func<Stream, Stream> packer)
    {
        using MemoryStream packed = new();
        using (Stream stream = packer(packed))
        {
            stream.Write(bytes);
        }

        return packed.ToArray();
    }

    private static byte[] Through(Func<Stream, Stream> packer, string head = "# tracer: nop\n", byte fill = (byte)'\n')
    {
        using MemoryStream packed = new();
        using (Stream stream = packer(packed))
        {
            stream.Write(Encoding.UTF8.GetBytes(head));
            byte[] block = new byte[1 << 20];
            block.AsSpan().Fill(fill);
            for (int i = 0; i < 1024; i++)
            {
                stream.Write(block);
            }
        }

        return packed.ToArray();
    }

    private static byte[] Zip(params (string Name, byte[] Bytes)[] members) => Zip(CompressionLevel.Fastest, members);

    private static byte[] Zip(CompressionLevel level, params (string Name, byte[] Bytes)[] members)
    {
        using MemoryStream bytes = new();
        using (ZipArchive zip = new(bytes, ZipArchiveMode.Create))
        {
            foreach ((string name, byte[] content) in members)
            {
                using Stream entry = zip.CreateEntry(name, level).Open();
                entry.Write(content);
            }
        }

        return bytes.ToArray();
    }

    private static byte[] Tar(TarEntryFormat format, params (string Name, byte[] Bytes)[] members)
    {
        using MemoryStream bytes = new();
        using (TarWriter tar = new(bytes, format, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in members)
            {
                TarEntry entry = format switch
                {
                    TarEntryFormat.Pax => new PaxTarEntry(TarEntryType.RegularFile, name),
                    TarEntryFormat.Gnu => new GnuTarEntry(TarEntryType.RegularFile, name),
                    _ => new UstarTarEntry(TarEntryType.RegularFile, name),
                };
                entry.DataStream = new MemoryStream(content);
                tar.WriteEntry(entry);
            }
        }

        return bytes.ToArray();
    }

    private static byte[] Mail(string fields, byte[] body) => [.. Encoding.UTF8.GetBytes(MailHead.ReplaceLineEndings("\n") + fields), .. body];

    private static byte[] Multipart(string type, string text, string attached, byte[] base64) => Mail(
        $"Content-Type: multipart/mixed; boundary=ZZ\n\n--ZZ\nContent-Type: {type}\n\n{text}\n--ZZ\nContent-Type: {attached}\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment\n\n",
        [.. base64, .. "\n--ZZ--\n"u8]);

    private static string Escaped(byte[] text) => System.Net.WebUtility.HtmlEncode(Encoding.UTF8.GetString(text));

    private static byte[] Base64(byte[] bytes) => Encoding.ASCII.GetBytes(string.Join('\n', Convert.ToBase64String(bytes).Chunk(76).Select(line => new string(line))) + "\n");

    // RFC 2045, section 6.7: no line has more than 76 characters.
    private static string QuotedPrintable(string text) =>
        string.Join('\n', text.Replace("=", "=3D", StringComparison.Ordinal).Split('\n').Select(line => string.Join("=\n", line.Chunk(70).Select(part => new string(part)))));
}
