using System.Runtime.InteropServices;

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

    // The same bounds beside the objects: a search loads no object and makes no interface call.
    private readonly List<(ulong Start, ulong End)> _bounds = [];

    // The last hit is tried first, as the kernel's slot lookup does.
    private T? _last;
    private ulong _lastStart;
    private ulong _lastLength;

    public int Count => _ranges.Count;

    public ReadOnlySpan<T> All => CollectionsMarshal.AsSpan(_ranges);

    public T? Find(ulong address) => address - _lastStart < _lastLength ? _last : Search(address);

    private T? Search(ulong address)
    {
        int index = FirstEndingAfter(address);
        if (index == _ranges.Count || _bounds[index].Start > address)
        {
            return null;
        }

        (_last, _lastStart, _lastLength) = (_ranges[index], _bounds[index].Start, _bounds[index].End - _bounds[index].Start);
        return _last;
    }

    /// <summary>Adds a range after removing what it overlaps; <paramref name="cut"/> says what is left of such a range, if anything.</summary>
    public void Put(T range, Func<T, ulong, ulong, IEnumerable<T>>? cut = null)
    {
        int index = Clear(range.Start, range.End, cut);
        _ranges.Insert(index, range);
        _bounds.Insert(index, (range.Start, range.End));
        ForgetLast();
    }

    /// <summary>Removes what overlaps [start, end); returns the index at which a range from start on belongs.</summary>
    public int Clear(ulong start, ulong end, Func<T, ulong, ulong, IEnumerable<T>>? cut = null)
    {
        int first = FirstEndingAfter(start);
        int last = first;
        while (last < _ranges.Count && _bounds[last].Start < end)
        {
            last++;
        }

        if (last > first)
        {
            T[] left = cut is null ? [] : [.. _ranges.GetRange(first, last - first).SelectMany(range => cut(range, start, end))];
            _ranges.RemoveRange(first, last - first);
            _ranges.InsertRange(first, left);
            _bounds.RemoveRange(first, last - first);
            _bounds.InsertRange(first, left.Select(range => (range.Start, range.End)));
            ForgetLast();
        }

        return FirstEndingAfter(start);
    }

    /// <summary>Index of the first range whose end lies behind <paramref name="address"/>.</summary>
    public int FirstEndingAfter(ulong address)
    {
        ReadOnlySpan<(ulong Start, ulong End)> bounds = CollectionsMarshal.AsSpan(_bounds);
        int low = 0;
        int high = bounds.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (bounds[middle].End <= address)
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

    public void RemoveAll(Predicate<T> match)
    {
        _ranges.RemoveAll(match);
        _bounds.Clear();
        _bounds.AddRange(_ranges.Select(range => (range.Start, range.End)));
        ForgetLast();
    }

    private void ForgetLast() => (_last, _lastLength) = (null, 0);
}
