namespace TraceReplay.Analysis.Nightly;

/// <summary>Lets captures in as long as what they are expected to take together stays within a bound.</summary>
/// <param name="mebibytes">0 = no bound.</param>
internal sealed class MemoryGate(int mebibytes) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly AutoResetEvent _left = new(false);
    private long _taken;

    /// <summary>Waits for room. What exceeds the bound alone goes in alone.</summary>
    public IDisposable Enter(long expected, CancellationToken ct)
    {
        while (mebibytes > 0)
        {
            lock (_lock)
            {
                if (_taken == 0 || _taken + expected <= mebibytes)
                {
                    _taken += expected;
                    _left.Set();
                    break;
                }
            }

            WaitHandle.WaitAny([_left, ct.WaitHandle], millisecondsTimeout: 1000);
            ct.ThrowIfCancellationRequested();
        }

        return new Room(this, expected);
    }

    public void Dispose() => _left.Dispose();

    private void Leave(long expected)
    {
        lock (_lock)
        {
            _taken -= expected;
        }

        _left.Set();
    }

    private sealed class Room(MemoryGate gate, long expected) : IDisposable
    {
        public void Dispose() => gate.Leave(expected);
    }
}
