using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.NetTrace;

/// <summary>The whole blocks of a file and an end marker, so that TraceEvent delivers also what it still held back.</summary>
internal sealed class BlockStream(CaptureFile file, NetTraceStructure structure) : ForwardStream
{
    public override long Length => structure.CompleteLength + structure.EndMarker.Length;

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
}
