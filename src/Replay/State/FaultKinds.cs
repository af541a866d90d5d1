namespace TraceReplay.Replay.State;

/// <summary>Kinds of fault as the tables spell them.</summary>
public static class FaultKinds
{
    public const string Tdp = "tdp";
    public const string Shadow = "shadow";
    public const string Nested = "nested";
    public const string GuestMemfd = "guest_memfd";
    public const string Mmio = "mmio";
    public const string Arm64 = "arm64";
}
