using System.Diagnostics;

namespace TraceReplay.Fuzz.Drivers;

/// <summary>Memory and time of a coverage-guided run: now and then, as a look into the system's account costs more than a case.</summary>
internal sealed class Meter(Tally tally)
{
    private const int Every = 512;

    private readonly Process _self = Process.GetCurrentProcess();
    private readonly long _before = tally.Processor;
    private long _began;
    private int _cases;

    public void Begin() => _began = Stopwatch.GetTimestamp();

    public void End()
    {
        // By the clock, not the processor: an upper bound.
        tally.Slowest = Math.Max(tally.Slowest, (long)Stopwatch.GetElapsedTime(_began).TotalMilliseconds);
        if (++_cases % Every == 1)
        {
            _self.Refresh();
            tally.Peak = Math.Max(tally.Peak, _self.PeakWorkingSet64);
            tally.Processor = _before + (long)_self.TotalProcessorTime.TotalMilliseconds;
        }
    }
}
