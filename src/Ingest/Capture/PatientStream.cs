namespace TraceReplay.Ingest.Capture;

/// <summary>
/// Reads a pipe, and stops waiting for it when asked: a system call that waits for data cannot be cancelled, so it is left to a
/// thread that does not keep the process alive.
/// </summary>
internal sealed class PatientStream(Stream pipe, CancellationToken cancellation) : ForwardStream
{
    // Not the caller's buffer: an abandoned read may still write to it.
    private readonly byte[] _buffer = new byte[128 << 10];

    public override int Read(Span<byte> buffer)
    {
        int wanted = Math.Min(buffer.Length, _buffer.Length);
        int read = Task.Run(() => pipe.Read(_buffer, 0, wanted), CancellationToken.None).WaitAsync(cancellation).GetAwaiter().GetResult();
        _buffer.AsSpan(0, read).CopyTo(buffer);
        return read;
    }
}
