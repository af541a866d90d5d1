namespace TraceReplay.Replay.State;

/// <summary>Something that covers [Start, End) of a line of addresses.</summary>
public interface IRange
{
    ulong Start { get; }

    ulong End { get; }
}

/// <summary>Ranges that do not overlap, in order: lookups are a binary search, a change moves what lies behind it.</summary>
public sealed class RangeList<T>
    where T : class, IRange
{
    private readonly List<T> _ranges = [];

    // The last hit is tried first, as the kernel's slot lookup does.
    private int _last;

    public int Count => _ranges.Count;

    public ReadOnlySpan<T> All => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_ranges);

    public T? Find(ulong address)
    {
        if ((uint)_last < (uint)_ranges.Count && address - _ranges[_last].Start < _ranges[_last].End - _ranges[_last].Start)
        {
            return _ranges[_last];
        }

        int index = FirstEndingAfter(address);
        if (index < _ranges.Count && _ranges[index].Start <= address)
        {
            _last = index;
            return _ranges[index];
        }

        return null;
    }

    /// <summary>Adds a range after removing what it overlaps; <paramref name="cut"/> says what is left of such a range, if anything.</summary>
    public void Put(T range, Func<T, ulong, ulong, IEnumerable<T>>? cut = null)
    {
        int index = Clear(range.Start, range.End, cut);
        _ranges.Insert(index, range);
    }

    /// <summary>Removes what overlaps [start, end); returns the index at which a range from start on belongs.</summary>
    public int Clear(ulong start, ulong end, Func<T, ulong, ulong, IEnumerable<T>>? cut = null)
    {
        int first = FirstEndingAfter(start);
        int last = first;
        while (last < _ranges.Count && _ranges[last].Start < end)
        {
            last++;
        }

        if (last > first)
        {
            T[] left = cut is null ? [] : [.. _ranges.GetRange(first, last - first).SelectMany(range => cut(range, start, end))];
            _ranges.RemoveRange(first, last - first);
            _ranges.InsertRange(first, left);
        }

        return FirstEndingAfter(start);
    }

    /// <summary>Index of the first range whose end lies behind <paramref name="address"/>.</summary>
    public int FirstEndingAfter(ulong address)
    {
        int low = 0;
        int high = _ranges.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_ranges[middle].End <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    public T? FirstOrDefault(Predicate<T> match) => _ranges.Find(match);

    public void RemoveAll(Predicate<T> match) => _ranges.RemoveAll(match);
}
