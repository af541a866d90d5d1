using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>Keeps two processes from writing the same files of a capture; the system frees it when a process dies.</summary>
public sealed class DatasetLock : IDisposable
{
    private readonly FileStream _file;
    private readonly string _path;

    private DatasetLock(FileStream file, string path) => (_file, _path) = (file, path);

    /// <summary>Waits while another process has it.</summary>
    /// <param name="manifestPath">Of the capture; with a suffix for what is not its ingest.</param>
    /// <exception cref="EnvironmentFailedException">No permission.</exception>
    public static DatasetLock Take(string manifestPath, CancellationToken cancellation)
    {
        string path = manifestPath + ".lock";
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            try
            {
                return new DatasetLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None), path);
            }
            catch (IOException) when (File.Exists(path))
            {
                if (cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(100)))
                {
                    throw new OperationCanceledException(cancellation);
                }
            }
            catch (UnauthorizedAccessException e)
            {
                throw new EnvironmentFailedException(e.Message, e);
            }
        }
    }

    public void Dispose()
    {
        File.Delete(_path);
        _file.Dispose();
    }
}
