namespace TraceReplay.Ingest.Capture;

/// <summary>Reads a <see cref="CaptureFile"/> at any place, for what must seek in it.</summary>
internal sealed class SeekableCaptureStream(CaptureFile file) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => file.Length;

    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        int n = Position >= file.Length ? 0 : file.Read(Position, buffer);
        Position += n;
        return n;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}

/// <summary>A text as UTF-8.</summary>
internal sealed class TextStream(TextReader reader) : ForwardStream
{
    private readonly char[] _chars = new char[16 << 10];
    private byte[] _bytes = [];
    private int _next;

    public override int Read(Span<byte> buffer)
    {
        if (_next == _bytes.Length)
        {
            int n = reader.ReadBlock(_chars, 0, _chars.Length - 1);

            // A pair of surrogates stays together.
            n += n > 0 && char.IsHighSurrogate(_chars[n - 1]) ? reader.ReadBlock(_chars, n, 1) : 0;
            (_bytes, _next) = (System.Text.Encoding.UTF8.GetBytes(_chars, 0, n), 0);
        }

        int taken = Math.Min(buffer.Length, _bytes.Length - _next);
        _bytes.AsSpan(_next, taken).CopyTo(buffer);
        _next += taken;
        return taken;
    }
}
