using Microsoft.Win32.SafeHandles;

namespace TraceReplay.Ingest.Dataset;

/// <summary>
/// A write-only file stream whose asynchronous calls are done at once: a FileStream would send each of the many small
/// writes of a Parquet page header to the thread pool and back.
/// </summary>
internal sealed class DirectStream : Stream
{
    private readonly SafeFileHandle _handle;
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _buffered;
    private long _written;

    public DirectStream(string path) => _handle = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.Read);

    public override bool CanRead => false;

    // Parquet.Net asks for positions only, never goes back.
    public override bool CanSeek => true;

    public override bool CanWrite => true;

    public override long Length => _written + _buffered;

    public override long Position { get => Length; set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        if (buffer.Length > _buffer.Length - _buffered)
        {
            Drain();
        }

        if (buffer.Length >= _buffer.Length)
        {
            RandomAccess.Write(_handle, buffer, _written);
            _written += buffer.Length;
            return;
        }

        buffer.CopyTo(_buffer.AsSpan(_buffered));
        _buffered += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        Write(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>Does nothing: Parquet.Net flushes after every page. <see cref="Dispose(bool)"/> writes the rest.</summary>
    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_handle.IsClosed)
        {
            try
            {
                Drain();
            }
            finally
            {
                _handle.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private void Drain()
    {
        if (_buffered > 0)
        {
            RandomAccess.Write(_handle, _buffer.AsSpan(0, _buffered), _written);
            _written += _buffered;
            _buffered = 0;
        }
    }
}
