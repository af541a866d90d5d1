namespace TraceReplay.Ingest.PerfData;

/// <summary>Types of perf.data records that are looked at; all others are stepped over.</summary>
internal static class RecordTypes
{
    /// <summary>The last type that the kernel writes (Linux 6.18), and those of perf itself.</summary>
    private const uint LastOfKernel = 22;
    private const uint FirstOfPerf = 64;
    private const uint LastOfPerf = 86;

    public const uint Lost = 2;
    public const uint Comm = 3;
    public const uint Fork = 7;
    public const uint Sample = 9;
    public const uint LostSamples = 13;
    public const uint HeaderAttr = 64;
    public const uint EventType = 65;
    public const uint TracingData = 66;
    public const uint FinishedRound = 68;
    public const uint AuxTrace = 71;
    public const uint EventUpdate = 78;
    public const uint HeaderFeature = 80;
    public const uint Compressed = 81;
    public const uint Compressed2 = 83;

    /// <summary>Whether a type is one that is stepped over on purpose, or read.</summary>
    public static bool IsKnown(uint type) => type is (> 0 and <= LastOfKernel) or (>= FirstOfPerf and <= LastOfPerf);
}
