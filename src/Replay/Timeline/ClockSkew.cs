using TraceReplay.Replay.Models.Skeleton;
using TraceReplay.Replay.State;

namespace TraceReplay.Replay.Timeline;

/// <summary>
/// How far the clocks of two CPUs may be apart (spec 15.3). One CPU's change of an SPTE that starts from the value another CPU left
/// came after it: the smallest time between two such records bounds the skew from above.
/// </summary>
internal sealed class ClockSkew
{
    /// <summary>Taken where no such pair is recorded, or none so near: 1 µs, or as many cycles as a fast CPU makes in one.</summary>
    private const long AssumedNanoseconds = 1000;
    private const long AssumedCycles = 4000;

    private readonly ulong _ownBits;
    private readonly RadixTable<Change> _last = new();
    private readonly long _assumed;
    private long _smallest = long.MaxValue;

    /// <param name="ownBits">Bits that the CPU sets in an SPTE by itself.</param>
    /// <param name="clockUnit">As the trace's manifest says it.</param>
    public ClockSkew(ulong ownBits, string clockUnit)
    {
        _ownBits = ownBits;
        _assumed = clockUnit == "ns" ? AssumedNanoseconds : AssumedCycles;
    }

    /// <summary>Pairs of records of different CPUs in which one is the other's cause.</summary>
    public long Pairs { get; private set; }

    /// <summary>The pairs bound the skew closer than what is assumed of it without them.</summary>
    public bool IsMeasured => _smallest < _assumed;

    /// <summary>Time between the two records of the nearest pair.</summary>
    public long Smallest => _smallest;

    /// <summary>In units of the capture's clock.</summary>
    public long Bound => Math.Min(_smallest, _assumed);

    public void Add(EventCursor e)
    {
        if (e.Kind == EventKind.SpteChanged && e.TellsEnough && e.Cpu >= 0 && e[3] == 1 && (e[4] & 1) == 0)
        {
            Add(e[0], e[1], e[2], e.Cpu, e.Time);
        }
    }

    /// <summary>A change of the SPTE of <paramref name="gfn"/> from one value to another.</summary>
    public void Add(ulong gfn, ulong from, ulong to, int cpu, long time)
    {
        ref Change last = ref _last.At(gfn);
        if (SpteLayout.IsPresent(last.Spte) && ((last.Spte ^ from) & ~_ownBits) == 0 && last.Cpu != cpu)
        {
            Pairs++;
            _smallest = Math.Min(_smallest, Math.Max(0, time - last.Time));
        }

        last = new Change(to, time, cpu);
    }

    /// <summary>The order of two records is certain: one CPU made both, or they are farther apart than the skew.</summary>
    public bool IsOrdered(int cpu, long time, int otherCpu, long otherTime) => (cpu == otherCpu && cpu >= 0) || Math.Abs(time - otherTime) > Bound;

    /// <summary>What a record left of an SPTE; nothing yet where it is not present.</summary>
    private readonly record struct Change(ulong Spte, long Time, int Cpu);
}
