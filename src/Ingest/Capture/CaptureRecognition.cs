using TraceReplay.Ingest.Capture.Unwrapping;

namespace TraceReplay.Ingest.Capture;

/// <summary>Tells captures from the other files of a directory, by their first bytes.</summary>
public static class CaptureRecognition
{
    /// <summary>Whether a format recognises the file; false too for one that cannot be read.</summary>
    public static bool IsCapture(string path) => Judge(path) is null;

    /// <summary>Why a file is no capture.</summary>
    /// <returns>null if a format recognises it, or if only opening it can tell.</returns>
    public static string? Judge(string path)
    {
        try
        {
            if (new FileInfo(path).Length == 0)
            {
                return "an empty file"; // opening a FIFO, which has no length either, would wait for a writer
            }

            using FileStream file = File.OpenRead(path);
            byte[] head = Head(file);
            if (CaptureFormats.Find(head) is not null)
            {
                return null;
            }

            if (!Wrapping.IsWrapped(head))
            {
                return UnknownFormat.Describe(head).Found;
            }

            if (Wrapping.Packer(head) is { } packer)
            {
                byte[] unpacked = Wrapping.UnpackedHead(file, head);
                if (!Wrapping.IsWrapped(unpacked))
                {
                    return CaptureFormats.Find(unpacked) is not null ? null : $"{UnknownFormat.Describe(unpacked).Found}, packed by {packer}";
                }
            }

            // An archive, a mail, a text in UTF-16: its parts must be looked at.
            using CaptureFile whole = CaptureFormats.OpenFile(path);
            return IsKnown(whole) ? null : UnknownFormat.Describe(Head(whole)).Found;
        }
        catch (CaptureException e)
        {
            return e.Damage.Found;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or EnvironmentFailedException)
        {
            return $"it cannot be read ({e.Message})";
        }
        catch (Exception e) when (Wrapping.IsDamage(e))
        {
            return "packed data that end or do not decompress";
        }
    }

    /// <summary>Whether a format recognises what is already unwrapped.</summary>
    internal static bool IsKnown(CaptureFile file) => CaptureFormats.Find(Head(file)) is not null;

    private static byte[] Head(CaptureFile file) => CaptureFormats.Head(file.Length, (into, offset) => file.Read(offset, into));

    private static byte[] Head(FileStream file) => CaptureFormats.Head(file.Length, (into, offset) =>
    {
        file.Position = offset;
        return file.ReadAtLeast(into, into.Length, throwOnEndOfStream: false);
    });
}
