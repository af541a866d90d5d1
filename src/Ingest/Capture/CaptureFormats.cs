using Microsoft.Win32.SafeHandles;
using TraceReplay.Ingest.Capture.Unwrapping;
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
    /// <summary>Judges a text whose lines may be broken, after all formats have judged it as it stands; null if the format is no text.</summary>
    internal Recogniser? RecogniseBroken { get; init; }

    public delegate bool Recogniser(ReadOnlySpan<byte> head);
}

/// <summary>All formats that can be read. A new one is a folder of its own and one line in <see cref="All"/>.</summary>
public static class CaptureFormats
{
    /// <summary>Bytes of the file that a <see cref="CaptureFormat.Recognise"/> may see.</summary>
    public const int HeadSize = 1 << 20;

    /// <summary>Bytes that tell whether a file is a text at all.</summary>
    public const int FirstLook = 4096;

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
        new(dialect().Format, head => TextCapture.Recognise(head, dialect()), (file, kernel) => new TextCapture(file, dialect(), kernel))
        {
            RecogniseBroken = head => TextCapture.RecogniseBroken(head, dialect()),
        };

    /// <summary>The format whose content the first bytes are; null if there is none.</summary>
    internal static CaptureFormat? Find(ReadOnlySpan<byte> head)
    {
        return Find(head[..Math.Min(head.Length, FirstLook)], broken: false) ?? (head.Length > FirstLook ? Find(head, broken: false) : null) ?? Find(head, broken: true);
    }

    private static CaptureFormat? Find(ReadOnlySpan<byte> head, bool broken)
    {
        foreach (CaptureFormat format in All)
        {
            if (broken ? format.RecogniseBroken?.Invoke(head) == true : format.Recognise(head))
            {
                return format;
            }
        }

        return null;
    }

    /// <summary>As many of a file's first bytes as can tell its format: few of one that is no text.</summary>
    internal static byte[] Head(long length, Reader read)
    {
        byte[] head = new byte[(int)Math.Min(FirstLook, length)];
        int n = read(head, 0);
        if (n < FirstLook || head.AsSpan(0, n).IndexOf((byte)0) >= 0)
        {
            return head[..n];
        }

        Array.Resize(ref head, (int)Math.Min(HeadSize, length));
        return head[..(n + read(head.AsSpan(n), n))];
    }

    /// <summary>As above, of a stream that is read from front to end.</summary>
    internal static byte[] Head(Stream stream) => Head(HeadSize, (bytes, _) => stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));

    internal delegate int Reader(Span<byte> into, long offset);

    /// <summary>Opens a capture by its content; <c>-</c> is standard input. What it is packed or wrapped in is taken off (<see cref="Wrapping"/>).</summary>
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
            byte[] head = Head(file.Length, (bytes, offset) => file.Read(offset, bytes));
            if (Find(head) is { } format)
            {
                ICapture capture = format.Open(file, kernel);
                capture.Info.Kernel ??= kernel;
                capture.Info.Notes.AddRange(file.Notes);
                return capture;
            }

            (string found, string expected) = UnknownFormat.Describe(head);
            throw file.Damaged(0, found, expected);
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
                return Unwrapped(Spool([], new PatientStream(input, cancellation), "-", cancellation), cancellation);
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
                return Unwrapped(file.CanSeek ? new CaptureFile(path) : Spool([], new PatientStream(file, cancellation), path, cancellation), cancellation);
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

    private static CaptureFile Unwrapped(CaptureFile file, CancellationToken cancellation) => new Unwrapper(file, cancellation).Unwrap(file);

    /// <summary>Copies a stream to a temporary file that goes away with the result.</summary>
    public static CaptureFile Spool(Stream input, string displayName, CancellationToken cancellation = default) => Spool([], input, displayName, cancellation);

    /// <summary>As above.</summary>
    /// <param name="head">What was read of the stream already.</param>
    /// <param name="input">The rest.</param>
    /// <param name="displayName">How messages name it.</param>
    /// <param name="cancellation">Ends the copying.</param>
    internal static CaptureFile Spool(ReadOnlySpan<byte> head, Stream input, string displayName, CancellationToken cancellation)
    {
        SafeFileHandle handle = TemporaryFile.Create();
        try
        {
            RandomAccess.Write(handle, head, 0);
            byte[] buffer = new byte[128 << 10];
            for (long at = head.Length; input.Read(buffer) is > 0 and int read; at += read)
            {
                cancellation.ThrowIfCancellationRequested();
                RandomAccess.Write(handle, buffer.AsSpan(0, read), at);
            }

            return new CaptureFile(handle, displayName);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}
