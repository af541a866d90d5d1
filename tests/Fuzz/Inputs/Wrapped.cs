using System.IO.Compression;
using System.Text;

namespace TraceReplay.Fuzz.Inputs;

/// <summary>Captures in what files are packed, archived or mailed in, each of which may be damaged.</summary>
internal static class Wrapped
{
    // The clock's time would make another input of the same seed.
    private static readonly DateTimeOffset s_written = new(2026, 11, 20, 0, 0, 0, TimeSpan.Zero);

    public static byte[] Of(IReadOnlyList<byte[]> seeds, Random random)
    {
        byte[] file = random.Next(3) == 0 ? Blind.Of(seeds, random) : seeds[random.Next(seeds.Count)];
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            file = Wrap(file, random);
            if (random.Next(3) == 0)
            {
                file = Blind.Of([file], random);
            }
        }

        return file;
    }

    private static byte[] Wrap(byte[] file, Random random)
    {
        MemoryStream packed = new();
        switch (random.Next(6))
        {
            case 0:
                using (GZipStream gzip = new(packed, CompressionLevel.Fastest, leaveOpen: true))
                {
                    gzip.Write(file);
                }

                break;
            case 1:
                using (ZstdSharp.Compressor zstd = new(1))
                {
                    packed.Write(zstd.Wrap(file));
                }

                break;
            case 2:
                using (ZipArchive zip = new(packed, ZipArchiveMode.Create, leaveOpen: true))
                {
                    for (int n = random.Next(1, 3); n > 0; n--)
                    {
                        ZipArchiveEntry entry = zip.CreateEntry($"{n}/trace.dat", CompressionLevel.Fastest);
                        entry.LastWriteTime = s_written;
                        using Stream content = entry.Open();
                        content.Write(file);
                    }
                }

                break;
            case 3:
                using (System.Formats.Tar.TarWriter tar = new(packed, leaveOpen: true))
                {
                    System.Formats.Tar.PaxTarEntry entry = new(System.Formats.Tar.TarEntryType.RegularFile, "trace.dat") { DataStream = new MemoryStream(file), ModificationTime = s_written };
                    tar.WriteEntry(entry);
                }

                break;
            case 4:
                packed.Write(Encoding.ASCII.GetBytes("From: a@b\nSubject: x\nMIME-Version: 1.0\nContent-Type: application/octet-stream; name=trace.dat\nContent-Transfer-Encoding: base64\n\n"
                    + Convert.ToBase64String(file, Base64FormattingOptions.InsertLineBreaks) + "\n"));
                break;
            default:
                packed.Write(Encoding.ASCII.GetBytes("Content-Type: multipart/mixed; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nhello\n--b\nContent-Type: text/plain; name=trace.txt\n\n"));
                packed.Write(file);
                packed.Write("\n--b--\n"u8);
                break;
        }

        return packed.ToArray();
    }
}
