using System.Globalization;
using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// Keeps processes from writing the same files: a lock of the operating system on a file, which is freed when its process dies, however
/// it dies.
/// </summary>
public sealed class DatasetLock : IDisposable
{
    /// <summary>How long a lock is waited for before that is a failure of the environment.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan s_untilSaid = TimeSpan.FromSeconds(5);

    private readonly FileStream _file;
    private readonly string? _remove;

    private DatasetLock(FileStream file, string? remove) => (_file, _remove) = (file, remove);

    /// <summary>Of a capture's ingest; waits while another process has it.</summary>
    /// <param name="manifestPath">Of the capture; with a suffix for what is not its ingest.</param>
    /// <param name="waiting">Gets one line once the wait takes long.</param>
    /// <exception cref="EnvironmentFailedException">No permission, a read-only file system, or held for longer than <see cref="Patience"/>.</exception>
    public static DatasetLock Take(string manifestPath, CancellationToken cancellation, Action<string>? waiting = null)
    {
        string path = manifestPath + ".lock";
        return Wait(path, () => TryOwn(path), Patience, waiting, cancellation);
    }

    /// <summary>For what writes a trace's results.</summary>
    public static DatasetLock OfResults(string dataset, string traceId, CancellationToken cancellation, Action<string>? waiting = null) =>
        Take(DatasetLayout.Manifest(dataset, traceId) + ".replay", cancellation, waiting);

    /// <summary>As <see cref="OfResults"/>, without waiting.</summary>
    /// <returns>null if another has it.</returns>
    internal static DatasetLock? TryOfResults(string dataset, string traceId)
    {
        string path = DatasetLayout.Manifest(dataset, traceId) + ".replay.lock";
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return TryOwn(path);
    }

    /// <summary>For what reads the captures' own files: they stay as long as somebody shares this.</summary>
    public static DatasetLock ShareFiles(string dataset, CancellationToken cancellation, Action<string>? waiting = null)
    {
        string path = FilesPath(dataset);
        return Wait(path, () => TryShare(path), Patience, waiting, cancellation);
    }

    /// <summary>For what moves or deletes captures' own files.</summary>
    public static DatasetLock OwnFiles(string dataset, TimeSpan patience, CancellationToken cancellation, Action<string>? waiting = null)
    {
        string path = FilesPath(dataset);
        return Wait(path, () => TryOpen(path, FileAccess.ReadWrite, FileShare.None) is { } file ? new DatasetLock(Marked(file), null) : null, patience, waiting, cancellation);
    }

    /// <summary>Whether an error in opening a file says that another process has locked it.</summary>
    public static bool IsHeld(IOException error) => OperatingSystem.IsWindows()
        ? (error.HResult & 0xffff) is 32 or 33
        : error.HResult == (OperatingSystem.IsLinux() ? 11 : 35); // EWOULDBLOCK

    public void Dispose()
    {
        if (_remove is not null)
        {
            File.Delete(_remove);
        }

        _file.Dispose();
    }

    private static string FilesPath(string dataset) => Path.Combine(dataset, DatasetLayout.Traces, "files.lock");

    private static DatasetLock Wait(string path, Func<DatasetLock?> attempt, TimeSpan patience, Action<string>? waiting, CancellationToken cancellation)
    {
        DateTime began = DateTime.UtcNow;
        bool said = false;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            while (true)
            {
                if (attempt() is { } taken)
                {
                    return taken;
                }

                TimeSpan waited = DateTime.UtcNow - began;
                if (waited > patience)
                {
                    throw new EnvironmentFailedException(string.Create(CultureInfo.InvariantCulture, $"{path}: held by {Holder(path)} for {waited.TotalSeconds:0} s, expected it to come free"));
                }

                if (!said && waited > s_untilSaid)
                {
                    said = true;
                    waiting?.Invoke($"waiting for {path}, held by {Holder(path)}");
                }

                if (cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(50)))
                {
                    throw new OperationCanceledException(cancellation);
                }
            }
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new EnvironmentFailedException(e.Message, e);
        }
    }

    private static DatasetLock? TryOwn(string path)
    {
        if (TryOpen(path, FileAccess.ReadWrite, FileShare.None) is not { } file)
        {
            return null;
        }

        // Who had it may have removed the file between our opening and our locking it: then the lock is on a file without a name, and
        // another process can lock the new one.
        Marked(file);
        if (File.Exists(path) && File.GetLastWriteTimeUtc(path) == File.GetLastWriteTimeUtc(file.SafeFileHandle))
        {
            return new DatasetLock(file, path);
        }

        file.Dispose();
        return null;
    }

    private static DatasetLock? TryShare(string path)
    {
        if (!File.Exists(path))
        {
            // Made without a lock: another process may hold its share by now.
            using FileStream made = new(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        }

        return TryOpen(path, FileAccess.Read, FileShare.Read) is { } file ? new DatasetLock(file, null) : null;
    }

    private static FileStream? TryOpen(string path, FileAccess access, FileShare share)
    {
        try
        {
            return new FileStream(path, share == FileShare.None ? FileMode.OpenOrCreate : FileMode.Open, access, share);
        }
        catch (IOException e) when (IsHeld(e))
        {
            return null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>
    /// Signs a file with its time, as a locked file cannot be opened by others: the seconds are the process, the rest tells this lock from
    /// every other.
    /// </summary>
    private static FileStream Marked(FileStream file)
    {
        File.SetLastWriteTimeUtc(file.SafeFileHandle, DateTime.UnixEpoch.AddSeconds(Environment.ProcessId).AddTicks(Random.Shared.Next((int)TimeSpan.TicksPerSecond)));
        return file;
    }

    private static string Holder(string path)
    {
        TimeSpan mark = File.GetLastWriteTimeUtc(path) - DateTime.UnixEpoch;
        return mark > TimeSpan.Zero && mark < TimeSpan.FromDays(365) ? string.Create(CultureInfo.InvariantCulture, $"process {(long)mark.TotalSeconds}") : "another process";
    }
}
