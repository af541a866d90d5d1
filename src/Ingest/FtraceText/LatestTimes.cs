namespace TraceReplay.Ingest.FtraceText;

/// <summary>The latest time of each CPU.</summary>
internal sealed class LatestTimes
{
    private readonly Dictionary<int, long> _far = [];
    private readonly long[] _near = new long[256];

    public LatestTimes() => Array.Fill(_near, long.MinValue);

    /// <summary>Of one CPU the order in the text is the order of recording, whatever the time stamps say.</summary>
    /// <returns>The time, or the latest before it if that is later.</returns>
    public long Next(int cpu, long time)
    {
        if ((uint)cpu < (uint)_near.Length)
        {
            return _near[cpu] = Math.Max(time, _near[cpu]);
        }

        return _far[cpu] = Math.Max(time, _far.GetValueOrDefault(cpu, long.MinValue));
    }
}
