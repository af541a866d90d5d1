using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>The whole blocks of a file and an end marker, so that TraceEvent delivers also what it still held back.</summary>
internal sealed class BlockStream(CaptureFile file, NetTraceStructure structure) : Stream
{
    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => structure.CompleteLength + structure.EndMarker.Length;

    public override long Position { get; set; }

    public override int Read(Span<byte> buffer)
    {
        long left = structure.CompleteLength - Position;
        int n;
        if (left > 0)
        {
            n = file.Read(Position, buffer[..(int)Math.Min(buffer.Length, left)]);
            structure.MakeWhole(Position, buffer[..n]);
        }
        else
        {
            ReadOnlySpan<byte> marker = structure.EndMarker[(int)Math.Min(-left, structure.EndMarker.Length)..];
            n = Math.Min(marker.Length, buffer.Length);
            marker[..n].CopyTo(buffer);
        }

        Position += n;
        return n;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
