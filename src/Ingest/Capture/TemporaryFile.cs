using Microsoft.Win32.SafeHandles;

namespace TraceReplay.Ingest.Capture;

/// <summary>Temporary files that no directory lists: they go with the handle, and so with the process, however it ends.</summary>
internal static class TemporaryFile
{
    public static SafeFileHandle Create()
    {
        string path = Path.Combine(Path.GetTempPath(), "tracereplay-" + Path.GetRandomFileName());
        SafeFileHandle handle = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        try
        {
            File.Delete(path);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}
