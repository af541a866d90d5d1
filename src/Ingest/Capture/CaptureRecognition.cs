using System.IO.Compression;

namespace TraceReplay.Ingest.Capture;

/// <summary>Tells captures from the other files of a directory, by their first bytes.</summary>
public static class CaptureRecognition
{
    /// <summary>Whether a format recognises the file; false too for one that cannot be read.</summary>
    public static bool IsCapture(string path)
    {
        try
        {
            if (new FileInfo(path).Length == 0)
            {
                return false; // opening a FIFO, which has no length either, would wait for a writer
            }

            using FileStream file = File.OpenRead(path);
            byte[] head = Head(file);
            return Known(head) || Known(Unpacked(file, head));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or ZstdSharp.ZstdException)
        {
            return false;
        }
    }

    private static bool Known(byte[] head) => CaptureFormats.All.Any(f => f.Recognise(head));

    private static byte[] Unpacked(FileStream file, byte[] head)
    {
        file.Position = 0;
        if (head.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]))
        {
            using var zstd = new ZstdSharp.DecompressionStream(file);
            return Head(zstd);
        }

        if (head.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b]))
        {
            using var gzip = new GZipStream(file, CompressionMode.Decompress);
            return Head(gzip);
        }

        return [];
    }

    private static byte[] Head(Stream stream)
    {
        var head = new byte[CaptureFormats.HeadSize];
        int length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return head[..length];
    }
}
