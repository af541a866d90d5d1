namespace TraceReplay.Ingest.Capture;

/// <summary>One place in a capture that does not hold what its format promises.</summary>
/// <param name="File">The path as the user gave it, or <c>-</c>.</param>
/// <param name="Offset">Byte offset in the (unwrapped) capture.</param>
/// <param name="Found">What lies there.</param>
/// <param name="Expected">What the format says should lie there.</param>
public sealed record CaptureDamage(string File, long Offset, string Found, string Expected)
{
    /// <summary>The contract's one line: <c>FILE: offset 0xN: what was found, what was expected</c>.</summary>
    public override string ToString() => ShownText.Of($"{File}: offset 0x{Offset:x}: {Found}, {Expected}");
}

/// <summary>A capture cannot be read at all; <see cref="Exception.Message"/> is the contract's one line.</summary>
public sealed class CaptureException(CaptureDamage damage, Exception? inner = null) : Exception(damage.ToString(), inner)
{
    public CaptureDamage Damage { get; } = damage;
}
