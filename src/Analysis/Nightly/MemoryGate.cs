namespace TraceReplay.Analysis.Nightly;

/// <summary>Lets captures in while what they are thought to take fits the budget; one that is larger than all of it goes in alone.</summary>
internal sealed class MemoryGate(long budget)
{
    // Measured on the captures at hand: ingest and replay of one take about 150 MiB, and more with the file's size.
    private const long EachCapture = 160L << 20;
    private const long EachByte = 2;

    private readonly Lock _lock = new();
    private long _used;

    /// <summary>Waits until there is room; what is returned gives it back.</summary>
    public IDisposable Enter(long fileBytes, CancellationToken ct)
    {
        long need = Math.Min(budget, EachCapture + (EachByte * fileBytes));
        while (true)
        {
            lock (_lock)
            {
                if (_used + need <= budget)
                {
                    _used += need;
                    return new Room(this, need);
                }
            }

            if (ct.WaitHandle.WaitOne(20))
            {
                throw new OperationCanceledException(ct);
            }
        }
    }

    private sealed class Room(MemoryGate gate, long need) : IDisposable
    {
        public void Dispose()
        {
            lock (gate._lock)
            {
                gate._used -= need;
            }
        }
    }
}
