namespace TraceReplay.Ingest.Capture;

/// <summary>
/// Reads a pipe, and stops waiting for it when asked: a system call that waits for data cannot be cancelled, so it is left to a
/// thread that does not keep the process alive.
/// </summary>
internal sealed class PatientStream(Stream pipe, CancellationToken cancellation) : Stream
{
    // Not the caller's buffer: an abandoned read may still write to it.
    private readonly byte[] _buffer = new byte[128 << 10];

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public override int Read(Span<byte> buffer)
    {
        int wanted = Math.Min(buffer.Length, _buffer.Length);
        int read = Task.Run(() => pipe.Read(_buffer, 0, wanted), CancellationToken.None).WaitAsync(cancellation).GetAwaiter().GetResult();
        _buffer.AsSpan(0, read).CopyTo(buffer);
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
