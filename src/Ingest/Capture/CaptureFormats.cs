using System.IO.Compression;
using TraceReplay.Ingest.FtraceText;
using TraceReplay.Ingest.NetTrace;
using TraceReplay.Ingest.PerfData;
using TraceReplay.Ingest.PerfScript;
using TraceReplay.Ingest.TraceDat;

namespace TraceReplay.Ingest.Capture;

/// <summary>One format of captures: how its content is recognised, and how it is opened.</summary>
/// <param name="Name">As shown in <see cref="CaptureInfo.Format"/>.</param>
/// <param name="Recognise">Judges the first bytes of a file (up to <see cref="CaptureFormats.HeadSize"/>).</param>
/// <param name="Open">Opens the file; the text is the release of the captured kernel, should the file not name it, or null.</param>
public sealed record CaptureFormat(string Name, CaptureFormat.Recogniser Recognise, Func<CaptureFile, string?, ICapture> Open)
{
    public delegate bool Recogniser(ReadOnlySpan<byte> head);
}

/// <summary>All formats that can be read. A new one is a folder of its own and one line in <see cref="All"/>.</summary>
public static class CaptureFormats
{
    /// <summary>Bytes of the file that a <see cref="CaptureFormat.Recognise"/> may see.</summary>
    public const int HeadSize = 4096;

    /// <summary>Tried in this order.</summary>
    public static IReadOnlyList<CaptureFormat> All { get; } =
    [
        new("trace.dat", static head => head.StartsWith(TraceDatHeader.Magic), static (file, _) => new TraceDatCapture(file)),
        new("nettrace", static head => head.StartsWith(NetTraceStructure.Magic), static (file, kernel) => new NetTraceCapture(file, kernel)),
        new("perf.data", PerfHeader.IsMagic, static (file, _) => new PerfDataCapture(file)),
        Text(static () => new FtraceDialect()),
        Text(static () => new PerfScriptDialect()),
    ];

    private static CaptureFormat Text(Func<TextDialect> dialect) =>
        new(dialect().Format, head => TextCapture.Recognise(head, dialect()), (file, kernel) => new TextCapture(file, dialect(), kernel));

    /// <summary>Opens a capture by its content; <c>-</c> is standard input. Files packed with zstd or gzip are unpacked.</summary>
    /// <param name="kernel">Release of the captured kernel (as <c>uname -r</c> prints it, or <c>6.12</c>) for a capture that does not name it.</param>
    /// <exception cref="CaptureException">It cannot be read at all.</exception>
    /// <exception cref="EnvironmentFailedException">No permission, or no room for a temporary copy.</exception>
    public static ICapture Open(string path, string? kernel = null, CancellationToken cancellation = default) => Open(OpenFile(path, cancellation), kernel: kernel);

    /// <summary>Opens an already unwrapped file.</summary>
    /// <param name="ownsFile">Whether the file is closed with the capture, and when this throws.</param>
    /// <param name="kernel">As above.</param>
    public static ICapture Open(CaptureFile file, bool ownsFile = true, string? kernel = null)
    {
        try
        {
            Span<byte> head = new byte[(int)Math.Min(HeadSize, file.Length)];
            int n = file.Read(0, head);
            foreach (CaptureFormat format in All)
            {
                if (format.Recognise(head[..n]))
                {
                    ICapture capture = format.Open(file, kernel);
                    capture.Info.Kernel ??= kernel;
                    return capture;
                }
            }

            string known = string.Join(", ", All.Select(f => f.Name));
            throw file.Damaged(0, n == 0 ? "an empty file" : "an unknown format", $"expected one of: {known}");
        }
        catch when (ownsFile)
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The bytes of a capture, unpacked if it was packed, from a file or from standard input.</summary>
    /// <param name="path">As above.</param>
    /// <param name="cancellation">Also ends the wait for a pipe in which nothing comes.</param>
    public static CaptureFile OpenFile(string path, CancellationToken cancellation = default)
    {
        try
        {
            if (path == "-")
            {
                using Stream input = Console.OpenStandardInput();
                return Unwrapped(Spool(new PatientStream(input, cancellation), "-", cancellation), cancellation);
            }

            if (Directory.Exists(path))
            {
                return PerfDataDirectory.Files(path) is { } files
                    ? new CaptureFile(files, path)
                    : throw new CaptureException(new CaptureDamage(path, 0, "a directory", "expected a file, or a perf.data directory"));
            }

            if (PerfDataDirectory.FilesBeside(path) is { } all)
            {
                return new CaptureFile(all, path);
            }

            // A pipe can be read once only: what a shell hands over as <(zcat …) is copied like standard input.
            FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using (file)
            {
                return Unwrapped(file.CanSeek ? new CaptureFile(path) : Spool(new PatientStream(file, cancellation), path, cancellation), cancellation);
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CaptureException(new CaptureDamage(path, 0, "no such file", "expected a capture"), e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentFailedException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Copies a stream to a temporary file that goes away with the result.</summary>
    public static CaptureFile Spool(Stream input, string displayName, CancellationToken cancellation = default)
    {
        string path = Path.Combine(Path.GetTempPath(), "tracereplay-" + Path.GetRandomFileName());
        try
        {
            using (FileStream copy = new(path, FileMode.CreateNew, FileAccess.Write))
            {
                byte[] buffer = new byte[128 << 10];
                while (input.Read(buffer) is > 0 and int read)
                {
                    cancellation.ThrowIfCancellationRequested();
                    copy.Write(buffer, 0, read);
                }
            }

            return new CaptureFile(path, displayName, temporary: true);
        }
        catch
        {
            File.Delete(path);
            throw;
        }
    }

    private static CaptureFile Unwrapped(CaptureFile file, CancellationToken cancellation)
    {
        Span<byte> head = stackalloc byte[4];
        int n = file.Read(0, head);
        head = head[..n];
        bool zstd = head.SequenceEqual((ReadOnlySpan<byte>)[0x28, 0xb5, 0x2f, 0xfd]);
        bool gzip = head.StartsWith((ReadOnlySpan<byte>)[0x1f, 0x8b, 8]);
        if (!zstd && !gzip)
        {
            return file;
        }

        using (file)
        {
            using Stream packed = new CaptureFileStream(file);
            using Stream plain = zstd ? new ZstdSharp.DecompressionStream(packed) : new GZipStream(packed, CompressionMode.Decompress);
            try
            {
                return Spool(plain, file.DisplayName, cancellation);
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ZstdSharp.ZstdException)
            {
                throw file.Damaged(packed.Position, $"{(zstd ? "zstd" : "gzip")} data that end or do not decompress", "expected a whole packed capture");
            }
        }
    }
}
