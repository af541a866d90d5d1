namespace TraceReplay.Ingest.Capture;

/// <summary>Reads a <see cref="CaptureFile"/> from front to end.</summary>
internal sealed class CaptureFileStream(CaptureFile file) : ForwardStream
{
    public override long Length => file.Length;

    public override int Read(Span<byte> buffer)
    {
        int n = file.Read(Position, buffer);
        Position += n;
        return n;
    }
}
