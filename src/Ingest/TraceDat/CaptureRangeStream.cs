using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>Reads a range of a capture from front to end.</summary>
internal sealed class CaptureRangeStream(CaptureFile file, long offset, long length) : ForwardStream
{
    public override long Length => length;

    public override int Read(Span<byte> buffer)
    {
        int n = file.Read(offset + Position, buffer[..(int)Math.Min(buffer.Length, length - Position)]);
        Position += n;
        return n;
    }
}
