namespace TraceReplay.Replay.Tests.Oracle;

/// <summary>All choices of one move, out of the one number that CsCheck drew for it (splitmix64).</summary>
internal struct Dice(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A number below <paramref name="sides"/>.</summary>
    public int Roll(int sides)
    {
        _state += 0x9e3779b97f4a7c15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return (int)((z ^ (z >> 31)) % (ulong)sides);
    }

    public bool Chance(int percent) => Roll(100) < percent;

    public T Of<T>(IReadOnlyList<T> values) => values[Roll(values.Count)];
}
