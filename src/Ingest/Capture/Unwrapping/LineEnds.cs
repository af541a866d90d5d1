namespace TraceReplay.Ingest.Capture.Unwrapping;

/// <summary>A text whose lines end with a carriage return alone.</summary>
internal static class LineEnds
{
    public static bool AreReturns(ReadOnlySpan<byte> head) =>
        head.IndexOf((byte)'\n') < 0 && head.IndexOf((byte)'\r') >= 0 && head.IndexOfAnyInRange((byte)0, (byte)8) < 0;

    /// <summary>The text with line feeds.</summary>
    public static Stream Feeds(Stream returns) => new FeedsStream(returns);

    private sealed class FeedsStream(Stream returns) : ForwardStream
    {
        public override int Read(Span<byte> buffer)
        {
            int n = returns.Read(buffer);
            buffer[..n].Replace((byte)'\r', (byte)'\n');
            return n;
        }
    }
}
