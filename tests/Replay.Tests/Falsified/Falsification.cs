using TraceReplay.Replay.Tests.Judging;

namespace TraceReplay.Replay.Tests.Falsified;

/// <summary>What fidelity must say of a falsified capture, beyond what it says of the true one.</summary>
internal enum Caught
{
    /// <summary>Exactly the altered faults are misses.</summary>
    Faults,

    /// <summary>Exactly the altered records are misses.</summary>
    Records,

    /// <summary>Every window of which records are gone has a miss, and nothing else has.</summary>
    Windows,

    /// <summary>Every record of a zap that stands in no window is a miss.</summary>
    StrayZaps,

    /// <summary>A leaf that a window has to zap and of which no record came is a miss, each.</summary>
    MissingZaps,

    /// <summary>A host fact that nothing contradicts at the fault; the record of the leaf's zap does.</summary>
    AtTheZap,

    /// <summary>A level that is known otherwise is a miss; where it is not, it is read off, and never matched.</summary>
    LevelOrReadOff,

    /// <summary>A refusal is a miss where the VMA is known to permit the access; where it is not, it is read off.</summary>
    RefusalOrReadOff,
}

/// <summary>One way to falsify a capture.</summary>
/// <param name="Base">The text, as shared/traces names it.</param>
/// <param name="Kernel">The release that the text does not name.</param>
internal sealed record Falsification(string Name, string Base, string Kernel, Caught Caught, string What, Action<Forgery> Alter)
{
    /// <summary>What the records say of the host is stronger than the fault's own: whether a VMA is recorded to permit the access.</summary>
    public Func<RecordedText, TextFault, bool> Permits { get; init; } = (_, _) => false;

    /// <summary>How many faults or records it alters in the base named.</summary>
    public required int Altered { get; init; }
}
