using TraceReplay.Ingest.Capture;

namespace TraceReplay.Ingest.TraceDat;

/// <summary>
/// From raw time stamps to those of <c>trace-cmd report</c>: guest time shift, then TSC to ns, then DATE and OFFSET
/// (spec/trace-formats section 1.3).
/// </summary>
internal sealed class TimestampCorrection
{
    private const uint FlagInterpolate = 1;

    private readonly record struct Sample(long Time, long Offset, ulong Scaling, int Fraction);

    private Sample[][] _shifts = [];
    private uint _shiftFlags;
    private uint _mult;
    private int _tscShift;

    /// <summary>ns that DATE and OFFSET add.</summary>
    public long Offset { get; set; }

    public bool HasTsc => _mult != 0;

    public bool IsIdentity => _shifts.Length == 0 && _mult == 0 && Offset == 0;

    public bool AddTsc(ref SpanCursor c)
    {
        if (!c.TryU32(out uint mult) || !c.TryU32(out uint shift) || !c.TryU64(out _))
        {
            return false;
        }

        _mult = mult;
        _tscShift = (int)(shift & 63);
        return true;
    }

    public bool AddTimeShift(ref SpanCursor c)
    {
        if (!c.TryU64(out _) || !c.TryU32(out _shiftFlags) || !c.TryU32(out uint cpus) || cpus > c.Remaining / 4)
        {
            return false;
        }

        Sample[][] all = new Sample[cpus][];
        for (int cpu = 0; cpu < all.Length; cpu++)
        {
            if (!c.TryU32(out uint n) || n > c.Remaining / 24)
            {
                return false;
            }

            Sample[] samples = all[cpu] = new Sample[n];
            for (int i = 0; i < n; i++)
            {
                _ = c.TryU64(out ulong time);
                samples[i] = new Sample((long)time, 0, 1, 0);
            }

            for (int i = 0; i < n; i++)
            {
                _ = c.TryU64(out ulong offset);
                samples[i] = samples[i] with { Offset = (long)offset };
            }

            for (int i = 0; i < n; i++)
            {
                _ = c.TryU64(out ulong scaling);
                samples[i] = samples[i] with { Scaling = scaling };
            }
        }

        // Fraction bits follow in newer files only.
        for (int cpu = 0; cpu < all.Length && c.Remaining > 0; cpu++)
        {
            for (int i = 0; i < all[cpu].Length; i++)
            {
                if (!c.TryU64(out ulong fraction))
                {
                    return false;
                }

                all[cpu][i] = all[cpu][i] with { Fraction = (int)(fraction & 63) };
            }
        }

        _shifts = Array.ConvertAll(all, s => s.OrderBy(x => x.Time).DistinctBy(x => x.Time).ToArray());
        return true;
    }

    public long Apply(long raw, int cpu)
    {
        ulong ts = (ulong)raw;
        if (cpu < _shifts.Length && _shifts[cpu].Length > 0)
        {
            ts = Shift(ts, _shifts[cpu]);
        }

        if (_mult != 0)
        {
            ts = (ulong)(((UInt128)ts * _mult) >> _tscShift);
        }

        return (long)ts + Offset;
    }

    private ulong Shift(ulong ts, Sample[] samples)
    {
        if (samples.Length == 1)
        {
            return ts + (ulong)samples[0].Offset;
        }

        // The last sample at or before ts, but never the last of all: a pair is needed.
        int low = 0;
        int high = samples.Length - 1;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (ts < (ulong)samples[middle].Time)
            {
                high = middle;
            }
            else
            {
                low = middle;
            }
        }

        Sample min = samples[low];
        Sample max = samples[low + 1];
        long correction = min.Offset;
        if ((_shiftFlags & FlagInterpolate) != 0)
        {
            // Wider than what is recorded: samples may claim any two times and offsets.
            Int128 delta = (Int128)max.Time - min.Time;
            Int128 scaled = ((Int128)(long)ts - min.Time) * ((Int128)max.Offset - min.Offset);
            correction = unchecked(correction + (long)((scaled + (delta / 2)) / delta));
        }

        return ((ts * min.Scaling) >> min.Fraction) + (ulong)correction;
    }
}
