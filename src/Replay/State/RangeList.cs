using System.Runtime.CompilerServices;

namespace TraceReplay.Replay.State;

/// <summary>Something that covers [Start, End) of a line of addresses.</summary>
public interface IRange
{
    ulong Start { get; }

    ulong End { get; }
}

/// <summary>Ranges that do not overlap, in order. Lookups and changes cost the logarithm of what is held.</summary>
public sealed class RangeList<T>
    where T : class, IRange
{
    private readonly IntervalTree<T> _ranges = new();

    // The last hit is tried first, as the kernel's slot lookup does.
    private T? _last;
    private ulong _lastStart;
    private ulong _lastLength;

    public int Count => _ranges.Count;

    public IntervalTree<T>.Overlaps All => _ranges.Overlapping(0, ulong.MaxValue);

    public T? Find(ulong address) => address - _lastStart < _lastLength ? _last : Search(address);

    /// <summary>The ranges that share an address with [start, end), in order.</summary>
    public IntervalTree<T>.Overlaps Overlapping(ulong start, ulong end) => _ranges.Overlapping(start, end);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private T? Search(ulong address)
    {
        if (Count == 0)
        {
            // Where nothing is, all addresses are one gap: the next are answered without a search.
            (_last, _lastStart, _lastLength) = (null, 0, ulong.MaxValue);
            return null;
        }

        T? range = _ranges.Floor(address, out ulong start, out ulong end);
        if (range is null || end <= address)
        {
            return null;
        }

        (_last, _lastStart, _lastLength) = (range, start, end - start);
        return range;
    }

    /// <summary>Adds a range after removing what it overlaps; <paramref name="cut"/> says what is left of such a range, if anything.</summary>
    public void Put(T range, Func<T, ulong, ulong, IEnumerable<T>>? cut = null)
    {
        Clear(range.Start, range.End, cut);
        Add(range);
    }

    /// <summary>Removes what overlaps [start, end).</summary>
    public void Clear(ulong start, ulong end, Func<T, ulong, ulong, IEnumerable<T>>? cut = null)
    {
        foreach (T range in Overlapping(start, end))
        {
            Remove(range);
            foreach (T left in cut?.Invoke(range, start, end) ?? [])
            {
                Add(left);
            }
        }
    }

    public void Remove(T range)
    {
        _ranges.Remove(range.Start, 0);
        ForgetLast();
    }

    private void Add(T range)
    {
        _ranges.Add(range.Start, range.End, 0, range);
        ForgetLast();
    }

    private void ForgetLast() => (_last, _lastLength) = (null, 0);
}
