using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.Dataset;

/// <summary>A table that is whole and does not have its name yet. Disposed of before it gets one, it goes.</summary>
public sealed class SealedFile : IDisposable
{
    private bool _settled;

    internal SealedFile(string temporary, string path) => (Temporary, Path) = (temporary, path);

    /// <summary>The name that it is to get.</summary>
    public string Path { get; }

    /// <summary>Its name until then, in the same directory.</summary>
    internal string Temporary { get; }

    /// <summary>Gives the file its name; what has it already is replaced.</summary>
    /// <exception cref="EnvironmentFailedException">That is not allowed, or not possible.</exception>
    public void Place()
    {
        try
        {
            File.Move(Temporary, Path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EnvironmentFailedException(e.Message, e);
        }

        _settled = true;
    }

    public void Dispose()
    {
        if (!_settled)
        {
            File.Delete(Temporary);
        }
    }

    /// <summary>Something else sees to it that the file gets its name.</summary>
    internal void Entrust() => _settled = true;
}
